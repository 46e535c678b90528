/**
 * The pages of the reference: one for each entry, and one for each public name.
 *
 * @module
 */

import { posix } from "node:path";
import type { Page } from "../frame/frame.ts";
import { escape, plainText, relative } from "../html.ts";
import { codeBlock } from "../markdown/highlight.ts";
import type { Place } from "../search/query.ts";
import { firstSentence, Writer } from "./comments.ts";
import type { Comment, Declaration, Entry, Member } from "./nodes.ts";
import { folderOf, type Names, type PublicName, type ShownMember, withoutBody } from "./symbols.ts";
import {
  functionOf,
  indexHtml,
  propertyHtml,
  signature,
  typeHtml,
  typeParameters,
} from "./types.ts";

/** A page with what can be found in it. */
export interface Searched {
  readonly page: Page;
  readonly places: readonly Omit<Place, "id">[];
}

const code = (html: string) => `<pre class="signature"><code>${html}</code></pre>\n`;

/** What people call a name, and the part of the entry's page that lists it. */
const KINDS: Readonly<Record<string, readonly [word: string, title: string]>> = {
  class: ["class", "Classes"],
  function: ["function", "Functions"],
  variable: ["constant", "Constants"],
  interface: ["interface", "Types"],
  typeAlias: ["type", "Types"],
};
const TITLES = ["Classes", "Functions", "Types", "Constants"] as const;

function kindOf({ declarations }: PublicName): readonly [word: string, title: string] {
  return KINDS[declarations[0]!.kind]!;
}

/** The comment that says what a name is: constants and types of one name have one each. */
function commentOf({ declarations }: PublicName): Comment {
  return declarations.find(({ jsDoc }) => jsDoc?.doc !== undefined)?.jsDoc ?? {};
}

/** The path of an entry's page. */
export function entryPage(entry: Entry): string {
  return `${folderOf(entry)}/index.html`;
}

const textOf = ({ doc = "", tags = [] }: Comment) =>
  [doc, ...tags.map(({ name, doc, value }) => `${name ?? ""} ${doc ?? value ?? ""}`)].join(" ");

/** One page for each entry, with a list of its names. */
export function entryPages(names: Names): Searched[] {
  return names.entries.map((entry) => {
    const path = entryPage(entry);
    const writer = new Writer(path, { names, entry });
    const lists = TITLES.map((title) => {
      const rows = names.of(entry).filter((name) => kindOf(name)[1] === title).map((name) =>
        `<tr><td><a href="${escape(relative(path, name.page))}"><code>${
          escape(name.name)
        }</code></a></td><td>${writer.line(firstSentence(commentOf(name)))}</td></tr>`
      );
      return { title, rows };
    }).filter(({ rows }) => rows.length > 0);
    const html = `<h1><code>${escape(entry.specifier)}</code></h1>\n${
      writer.comment(entry.comment)
    }${
      lists.map(({ title, rows }) =>
        `<h2 id="${title.toLowerCase()}">${title}</h2>\n<table class="names"><tbody>\n${
          rows.join("\n")
        }\n</tbody></table>\n`
      ).join("")
    }`;
    const parts = lists.map(({ title }) => ({
      anchor: title.toLowerCase(),
      text: title,
      deep: false,
    }));
    const page = { path, title: entry.specifier, html, parts };
    const found = { title: entry.specifier, where: "Reference", address: path };
    return { page, places: [{ ...found, text: textOf(entry.comment) }] };
  });
}

/** One page for each public name. */
export function namePages(names: Names): Searched[] {
  return names.all.map((name) => namePage(name, names));
}

/** What stands above a declaration's members, as TypeScript writes it. */
function headOf(name: string, { kind, def }: Declaration, writer: Writer): string {
  const types = typeParameters(def.typeParams, writer.find);
  const list = (nodes: readonly Parameters<typeof typeHtml>[0][]) =>
    nodes.map((node) => typeHtml(node, writer.find)).join(", ");
  const above = typeof def.extends === "string"
    ? ` extends ${
      typeHtml(
        {
          kind: "typeRef",
          value: { typeName: def.extends, typeParams: def.superTypeParams ?? [] },
        },
        writer.find,
      )
    }`
    : def.extends?.length
    ? ` extends ${list(def.extends)}`
    : "";
  const promises = def.implements?.length ? ` implements ${list(def.implements)}` : "";
  if (kind === "class") {
    return code(`${def.isAbstract ? "abstract " : ""}class ${name}${types}${above}${promises}`);
  }
  if (kind === "interface") return code(`interface ${name}${types}${above}`);
  if (kind === "function") return code(`function ${signature({ ...def, name }, writer.find)}`);
  if (def.tsType === undefined) return "";
  if (kind === "variable") {
    const isTable = def.tsType.kind === "typeLiteral";
    return isTable ? code(`const ${name}: { … }`) : code(
      `const ${name}: ${typeHtml(def.tsType, writer.find)}`,
    );
  }
  const isObject = def.tsType.kind === "typeLiteral";
  return code(`type ${name}${types} = ${isObject ? "{ … }" : typeHtml(def.tsType, writer.find)}`);
}

function formHtml(form: Member, { kind }: ShownMember, writer: Writer): string {
  if (kind === "property") return propertyHtml(form, writer.find);
  if (kind === "index") return indexHtml(form, writer.find);
  if (kind === "constructor") {
    return signature({ name: "constructor", params: form.params ?? [] }, writer.find);
  }
  const name = escape(form.name) + (form.optional ? "?" : "");
  return signature({ ...functionOf(form), name }, writer.find);
}

const SECTIONS: readonly (readonly [title: string, is: (member: ShownMember) => boolean])[] = [
  ["Constructor", ({ kind }) => kind === "constructor"],
  ["Static members", ({ isStatic }) => isStatic],
  ["Properties", ({ kind, isStatic }) => (kind === "property" || kind === "index") && !isStatic],
  ["Methods", ({ kind, isStatic }) => kind === "method" && !isStatic],
];

function memberHtml(member: ShownMember, writer: Writer): string {
  const { anchor, name, forms, isStatic } = member;
  const bodies = forms.map((form) =>
    code((isStatic ? "static " : "") + formHtml(form, member, writer)) +
    writer.comment(form.jsDoc ?? {})
  );
  return `<section class="member">\n<h3 id="${escape(anchor)}"><code>${
    escape(name || "any other name")
  }</code> <a class="anchor" href="#${escape(anchor)}" aria-label="Link to this part">#</a></h3>\n${
    bodies.join("")
  }</section>\n`;
}

/** The members that come from other types of ours. */
function inherited(name: PublicName, names: Names, writer: Writer): string {
  const parents = name.declarations.flatMap(({ def }) => {
    if (typeof def.extends === "string") return [def.extends];
    return (def.extends ?? []).flatMap((node) =>
      node.kind === "typeRef" ? [node.value.typeName] : []
    );
  });
  return parents.map((parent) => {
    const page = names.find(parent, { entry: name.entry });
    const found = names.all.find((one) => one.page === page);
    if (found === undefined || found.members.length === 0) return "";
    const list = found.members.map((member) =>
      `<a href="${escape(relative(writer.path, `${found.page}#${member.anchor}`))}"><code>${
        escape(member.name)
      }</code></a>`
    );
    return `<p>From <code>${
      typeHtml({ kind: "typeRef", value: { typeName: parent } }, writer.find)
    }</code>: ${list.join(", ")}.</p>\n`;
  }).join("");
}

function namePage(name: PublicName, names: Names): Searched {
  const { entry, page: path, declarations, members } = name;
  const writer = new Writer(path, { names, entry, owner: name });
  const forms = withoutBody(
    declarations,
    ({ kind, def }) => kind === "function" ? def : {},
  );
  const bodies = forms.map((declaration) =>
    headOf(escape(name.name), declaration, writer) + writer.comment(declaration.jsDoc ?? {})
  ).join("");
  const isType = declarations.every(({ kind }) => kind === "interface" || kind === "typeAlias");
  const specifiers = [entry, ...name.others].map(({ specifier }) => specifier);
  const imports = specifiers.map((specifier) =>
    `import ${isType ? "type " : ""}{ ${name.name} } from ${JSON.stringify(specifier)};`
  );
  const sections = SECTIONS.map(([title, is]) => ({ title, list: members.filter(is) }))
    .filter(({ list }) => list.length > 0);
  const [word] = kindOf(name);
  const from = inherited(name, names, writer);
  const html = `<h1><span class="kind">${word}</span> <code>${escape(name.name)}</code></h1>\n${
    codeBlock(imports.join("\n"), "ts")
  }${bodies}${
    sections.map(({ title, list }) =>
      `<h2 id="${anchorOf(title)}">${title}</h2>\n${
        list.map((member) => memberHtml(member, writer)).join("")
      }`
    ).join("")
  }${from === "" ? "" : `<h2 id="inherited-members">Inherited</h2>\n${from}`}`;
  const parts = sections.flatMap(({ title, list }) => [
    { anchor: anchorOf(title), text: title, deep: false },
    ...list.map((member) => ({
      anchor: member.anchor,
      text: member.name || "any other name",
      deep: true,
    })),
  ]);
  const above = [{ name: entry.specifier, path: entryPage(entry) }];
  const where = `${entry.specifier}, ${word}`;
  const places = [
    { title: name.name, where, address: path, text: textOf(commentOf(name)) },
    ...members.filter(({ kind, name }) => kind !== "index" && name !== "").map((member) => ({
      title: `${name.name}.${member.name}`,
      where,
      address: `${path}#${member.anchor}`,
      text: plainText(textOf(member.forms[0]?.jsDoc ?? {})),
    })),
  ];
  return {
    page: { path, title: name.name, html, parts, above, shownAs: entryPage(entry) },
    places,
  };
}

/** Not the anchor of a member, whatever the member is called. */
function anchorOf(title: string): string {
  return `all-${posix.normalize(title.toLowerCase().replaceAll(" ", "-"))}`;
}
