/**
 * The text of docs/libnetfilter_queue.md, before `deno fmt`.
 *
 * @module
 */

import type { ClassDocs, Comment, Member, ModuleDocs } from "./class_docs.ts";
import { INTRODUCTION } from "./reference_introduction.ts";
import type { LibrarySymbol } from "./symbols.ts";

/** A chapter: the symbols of a class, or those of them whose name matches. */
interface Chapter {
  readonly title: string;
  readonly className: string;
  /** What an object of the class is called. */
  readonly object: string;
  readonly names?: RegExp;
  /** What every method needs to have been called before. */
  readonly first?: string;
}

const packetBuffer = { className: "PacketBuffer", object: "packet", first: "pktb_alloc" } as const;

const CHAPTERS: readonly Chapter[] = [
  { title: "NfqHandle", className: "NfqHandle", object: "handle" },
  { title: "NfqQueueHandle", className: "NfqQueueHandle", object: "queue" },
  { title: "NfqData", className: "NfqData", object: "data" },
  { title: "PacketBuffer", ...packetBuffer, names: /^pktb_/ },
  { title: "PacketBuffer: IPv4", ...packetBuffer, names: /^nfq_ip_/ },
  { title: "PacketBuffer: IPv6", ...packetBuffer, names: /^nfq_ip6_/ },
  { title: "PacketBuffer: TCP", ...packetBuffer, names: /^nfq_tcp_/ },
  { title: "PacketBuffer: UDP", ...packetBuffer, names: /^nfq_udp_/ },
  {
    ...{ title: "NlmsgBuilder", className: "NlmsgBuilder", object: "builder" },
    first: "nfq_nlmsg_put",
  },
  { title: "NfnlHandle", className: "NfnlHandle", object: "netlink" },
  { title: "NlifHandle", className: "NlifHandle", object: "names" },
];

/** The classes of headers inside a packet buffer, which stand for C structs. */
const HEADERS = ["IpHeader", "Ip6Header", "TcpHeader", "UdpHeader"];

/** Bound for the library's own use. */
const INTERNAL: Readonly<Record<string, string>> = {
  nfnl_set_rcv_buffer_size:
    "Called for you when a handle is opened, so that no packet is cut that comes while C waits for an answer.",
};

/** These may be called again when all is closed. */
const CLOSING = ["nfq_close", "nfq_destroy_queue", "nfnl_close", "nlif_close", "pktb_free"];

/** The whole page. Throws where a symbol has no method, or a method's comment lacks something. */
export function referencePage(symbols: readonly LibrarySymbol[], docs: ModuleDocs): string {
  const left = new Map(symbols.map((symbol) => [symbol.name, symbol]));
  const chapters = CHAPTERS.map((chapter) => {
    const docsOfClass = docs.classes.get(chapter.className);
    if (docsOfClass === undefined) throw new Error(`no class ${chapter.className}`);
    const entries = docsOfClass.members.flatMap((member) => {
      const symbol = left.get(member.name);
      if (symbol === undefined || chapter.names?.test(member.name) === false) return [];
      left.delete(member.name);
      return [{ symbol, member }];
    });
    return { chapter, docsOfClass, entries };
  });

  const others = [...left.values()];
  const contents = [
    ...chapters.map(({ chapter, entries }) =>
      contentsLine(chapter.title, entries.map(({ symbol }) => symbol))
    ),
    contentsLine("Others", others),
  ];
  const parts = [INTRODUCTION, "## All symbols", contents.join("\n")];

  for (const { chapter, docsOfClass, entries } of chapters) {
    parts.push(`## ${chapter.title}`);
    if (chapter.names === undefined || chapter.names.test("pktb_")) {
      parts.push(...aboutClass(docsOfClass));
    }
    for (const { symbol, member } of entries) {
      const first = symbols.find(({ name }) => name === chapter.first);
      const object = member.isStatic ? chapter.className : chapter.object;
      parts.push(...entryOf(symbol, { member, docsOfClass, object, first }));
    }
  }
  parts.push("## Others", ...others.flatMap((symbol) => otherEntry(symbol, docs)));
  parts.push("## Beyond the C library", ...beyond(docs, new Set(symbols.map(({ name }) => name))));
  return parts.join("\n\n") + "\n";
}

function contentsLine(title: string, symbols: readonly LibrarySymbol[]): string {
  return `- **${title}**: ${symbols.map(({ name }) => `[${name}](#${name})`).join(", ")}`;
}

function aboutClass({ name, text, examples, remarks }: ClassDocs): string[] {
  // The program at the head of the page is one for NfqHandle.
  const programs = name === "NfqHandle" ? [] : examples;
  return [
    text,
    ...remarks.map((remark) => `**Unlike C:** ${remark}`),
    ...programs.map((program) => program.slice(program.indexOf("```"))),
  ];
}

function entryOf(
  symbol: LibrarySymbol,
  { member, docsOfClass, object, first }: {
    readonly member: Member;
    readonly docsOfClass: ClassDocs;
    readonly object: string;
    readonly first: LibrarySymbol | undefined;
  },
): string[] {
  const { name, signature } = member;
  const result = signature.slice(signature.lastIndexOf("): ") + 3);
  if (result !== "void" && member.returns === undefined) {
    throw new Error(`${docsOfClass.name}.${name}: the comment does not say what it returns`);
  }
  const lines = member.parameters.map(({ name, text }) => `- \`${name}\`: ${inline(text)}`);
  if (member.returns !== undefined) lines.push(`- **Returns** ${inline(member.returns)}`);
  lines.push(`- **Throws** ${throwsOf(symbol, { member, docsOfClass, first })}`);
  lines.push(`- **Since** ${symbol.library} ${symbol.since}`);
  lines.push(...member.remarks.map((remark) => `- **Unlike C:** ${inline(remark)}`));
  if (member.deprecated !== undefined) lines.push(`- **Deprecated:** ${inline(member.deprecated)}`);
  return [
    `### ${name}`,
    prototypeBlock(symbol),
    `\`${object}.${signature}\``,
    withoutPrototype(member.text, symbol),
    lines.join("\n"),
  ];
}

function otherEntry(symbol: LibrarySymbol, { values }: ModuleDocs): string[] {
  const { name, library, since } = symbol;
  const head = [`### ${name}`, prototypeBlock(symbol)];
  const end = `- **Since** ${library} ${since}`;
  if (INTERNAL[name] !== undefined) return [...head, INTERNAL[name], end];
  const comment = values.get(name);
  if (comment === undefined) throw new Error(`${name} has no method, and is not exported`);
  return [
    ...[...head, `\`${name}(): number\``, comment.text],
    `- **Returns** ${inline(comment.returns ?? missing(name))}\n${end}\n` +
    comment.remarks.map((remark) => `- **Unlike C:** ${inline(remark)}`).join("\n"),
  ];
}

function missing(name: string): never {
  throw new Error(`${name}: the comment does not say what it returns`);
}

/** What a call throws: by its own comment, by its class's, and by what every call does. */
function throwsOf(
  symbol: LibrarySymbol,
  { member, docsOfClass, first }: {
    readonly member: Member;
    readonly docsOfClass: Comment;
    readonly first: LibrarySymbol | undefined;
  },
): string {
  const own = [...member.throws];
  const names = (type: string) => own.some((item) => item.type === type);
  checkVersions(symbol, member);
  const before = member.isStatic || first?.name === symbol.name ? "1.0.0" : first?.since ?? "1.0.0";
  if (symbol.since > before && !names("MissingSymbolError")) {
    const text = `before ${symbol.library} ${symbol.since}`;
    own.push({ type: "MissingSymbolError", text });
  }
  if (!member.isStatic && !CLOSING.includes(member.name)) {
    own.push(...docsOfClass.throws.filter(({ type }) => !names(type)));
  }
  if (member.signature.includes("number") || member.signature.includes("Uint8Array")) {
    const [parameters = ""] = /\(.*\)/.exec(member.signature) ?? [];
    if (/\b(?:number|Uint8Array)\b/.test(parameters)) {
      const types = ["TypeError", "RangeError"].filter((type) => !names(type));
      const text = "for an argument of a wrong type or outside its range";
      if (types.length > 0) own.unshift({ type: types.join("`, `"), text });
    }
  } else if (!member.signature.includes("()") && !names("TypeError")) {
    own.unshift({ type: "TypeError", text: "for an argument of a wrong type" });
  }
  if (own.length === 0) return "nothing";
  return own.map(({ type, text }) =>
    inline(`${type && `\`${type}\``} ${text.replaceAll(";", ",")}`).trim()
  ).join("; ");
}

/** A version in a comment must not be older than the symbol's. */
function checkVersions({ name, since }: LibrarySymbol, { throws }: Comment): void {
  for (const { type, text } of throws) {
    const [, version] = /before (?:\w+ )?(\d+\.\d+\.\d+)/.exec(text) ?? [];
    if (type !== "MissingSymbolError") continue;
    if (version === undefined) throw new Error(`${name}: MissingSymbolError before which version?`);
    if (version < since) {
      throw new Error(`${name}: its comment says ${version}, its table ${since}`);
    }
  }
}

/** The comment without the prototype, which stands above it. */
function withoutPrototype(text: string, { name, prototype }: LibrarySymbol): string {
  return text.replace(/:?\s+`([^`]*)`/g, (whole, code: string) => {
    if (!new RegExp(`[\\s*]${name}\\(`).test(code)) return whole;
    if (inline(code) !== prototype) {
      throw new Error(`${name}: its comment says ${inline(code)}, its table ${prototype}`);
    }
    return "";
  });
}

function prototypeBlock({ prototype }: LibrarySymbol): string {
  const line = `${prototype};`;
  const wrapped = line.length <= 90
    ? line
    : line.replace("(", "(\n    ").replaceAll(", ", ",\n    ");
  return `\`\`\`c\n${wrapped}\n\`\`\``;
}

/** What the classes have besides the C library's functions. */
function beyond({ classes, types }: ModuleDocs, symbols: ReadonlySet<string>): string[] {
  const names = [...new Set(CHAPTERS.map(({ className }) => className))];
  const lines = names.flatMap((className) => {
    const { object } = CHAPTERS.find((chapter) => chapter.className === className)!;
    const { members } = classes.get(className)!;
    return members.filter(({ name }) => !symbols.has(name)).map((member) => {
      const { kind, name, signature, text, returns } = member;
      const head = kind === "method" ? signature : name;
      const end = returns === undefined ? "" : ` Returns ${inline(returns)}.`;
      return `- \`${object}.${head}\`: ${inline(text)}${end}`;
    });
  });
  const headers = HEADERS.map((name) => {
    const docs = classes.get(name);
    if (docs === undefined) throw new Error(`no class ${name}`);
    const fields = docs.members.filter(({ kind }) => kind === "getter").map(({ name }) => name);
    return `- **${name}**, ${inline(docs.text)} Fields: ${
      fields.map((field) => `\`${field}\``).join(", ")
    }.`;
  });
  return [
    lines.join("\n"),
    "### Other types",
    [...types.values()].map(typeEntry).join("\n"),
    "### Headers in a packet buffer",
    classes.get("BufferHeader")!.text,
    headers.join("\n"),
  ];
}

function typeEntry({ name, text, members }: ClassDocs): string {
  const fields = members.map(({ signature, text }) => {
    if (text === "") throw new Error(`${name}: no comment on ${signature}`);
    const end = text.endsWith(".") ? text : `${text}.`;
    return `\n  - \`${signature}\`: ${inline(end)}`;
  });
  return `- **${name}**: ${inline(text)}${fields.join("")}`;
}

function inline(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
