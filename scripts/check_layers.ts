/**
 * Checks what the page "Layers" of ARCHITECTURE.md promises: imports point down only, one layer
 * knows the runtime, files stay small. Prints a line a violation; exits 1 if there is any.
 *
 *     deno run --allow-read scripts/check_layers.ts [ROOT]
 *
 * It reads text, not syntax trees, so it needs no dependency: comments and the insides of strings
 * are blanked first.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What each layer may import, besides itself. `mod.ts` and a layer's key are path prefixes. */
const layers: Readonly<Record<string, readonly string[]>> = {
  "ffi/": [],
  "src/wire/": [],
  "src/libnetfilter_queue/": ["ffi/", "src/wire/"],
  "src/ipq/": ["ffi/", "src/wire/"],
  "src/queue/": ["ffi/", "src/wire/"],
  "src/rules/": ["ffi/"],
  "src/cli/": ["mod.ts", "ffi/", "src/"],
  "mod.ts": ["ffi/", "src/"],
};

/** Only these touch a runtime's own, untyped names. */
const runtimeFiles = ["ffi/deno.ts", "ffi/bun.ts", "ffi/node.ts"];

const maximumLines = 400;
/** Files that may be longer, with the reason beside each. */
const longFiles: readonly string[] = [
  // One class: all that a program does with a packet.
  "src/queue/packet.ts",
];

/** One broken rule. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/**
 * The source with comments and the insides of strings, templates and regular expressions replaced
 * by spaces. Offsets and line breaks stay; code inside `${…}` stays.
 */
export function blank(source: string): string {
  const out = source.split("");
  const erase = (from: number, to: number) => {
    for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " ";
  };
  /** Brace depths at which a template's `${` was opened. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  /** The last thing before a slash decides whether it divides or opens a regular expression. */
  let before = "";

  const quoted = (open: number, close: string) => {
    let end = open + 1;
    while (end < source.length && source[end] !== close) {
      if (source[end] === "\\") end++;
      else if (close === "`" && source.startsWith("${", end)) {
        erase(open + 1, end);
        templates.push(depth++);
        return end + 2;
      }
      end++;
    }
    erase(open + 1, Math.min(end, source.length));
    return end + 1;
  };
  const regularExpression = (open: number) => {
    let end = open + 1;
    let inClass = false;
    while (end < source.length && source[end] !== "\n" && (inClass || source[end] !== "/")) {
      if (source[end] === "\\") end++;
      else if (source[end] === "[") inClass = true;
      else if (source[end] === "]") inClass = false;
      end++;
    }
    erase(open + 1, Math.min(end, source.length));
    return end + 1;
  };
  const found = (text: string, from: number) => {
    const end = source.indexOf(text, from);
    return end < 0 ? source.length : end;
  };

  while (at < source.length) {
    const character = source[at] ?? "";
    if (source.startsWith("//", at)) {
      const end = found("\n", at);
      erase(at, end);
      at = end;
      continue;
    }
    if (source.startsWith("/*", at)) {
      const end = Math.min(found("*/", at + 2) + 2, source.length);
      erase(at, end);
      at = end;
      continue;
    }
    if (/\s/.test(character)) {
      at++;
      continue;
    }
    if (character === "'" || character === '"' || character === "`") {
      at = quoted(at, character);
      before = '"';
      continue;
    }
    if (character === "/" && !/^(?:[\w$)\]}"]+)$/.test(before)) {
      at = regularExpression(at);
      before = '"';
      continue;
    }
    if (character === "{") depth++;
    if (character === "}" && --depth === templates.at(-1)) {
      templates.pop();
      at = quoted(at, "`");
      before = '"';
      continue;
    }
    const word = /^[\w$]+/.exec(source.slice(at, at + 80))?.[0] ?? character;
    before = /^(?:return|typeof|case|in|of|void|throw|yield|await|else|do)$/.test(word) ? "" : word;
    at += word.length;
  }
  return out.join("");
}

/** Every module a source names: imports, re-exports, dynamic imports, import types, built-ins. */
function specifiers(source: string, code: string): { name: string; at: number }[] {
  const pattern =
    /\b(?:from|import)\s*(["'])|\b(?:import|getBuiltinModule)\s*\(\s*(["'])|\bnew\s+URL\s*\(\s*(["'])/g;
  return [...code.matchAll(pattern)].map((match) => {
    const start = match.index + match[0].length;
    const quote = match[1] ?? match[2] ?? match[3] ?? '"';
    const name = source.slice(start, source.indexOf(quote, start));
    // A URL names a module only when it is one, such as a worker's.
    return { name: match[3] && !/^\.{1,2}\/.*\.ts$/.test(name) ? "" : name, at: match.index };
  }).filter(({ name }) => name !== "");
}

function layerOf(file: string): string | undefined {
  return Object.keys(layers).find((layer) => file.startsWith(layer));
}

/** Everything wrong with one file; `file` is relative to the root. */
export function check(file: string, source: string): Violation[] {
  const violations: Violation[] = [];
  const report = (at: number, message: string) => {
    violations.push({ file, line: source.slice(0, at).split("\n").length, message });
  };
  const code = blank(source);
  const each = (pattern: RegExp, message: (match: RegExpExecArray) => string) => {
    for (const match of code.matchAll(pattern)) report(match.index, message(match));
  };

  each(/\bexport\s+default\b|\bas\s+default\b/g, () => "default export: name it");

  const layer = layerOf(file);
  if (layer === undefined) {
    if (/^(?:ffi|src)\//.test(file)) report(0, "belongs to no layer: add it to check_layers.ts");
    return violations;
  }

  for (const { name, at } of specifiers(source, code)) {
    if (/^\.{0,2}\//.test(name)) {
      const target = posix.normalize(posix.join(posix.dirname(file), name));
      const allowed = [layer, ...layers[layer] ?? []];
      if (!allowed.some((prefix) => target.startsWith(prefix))) {
        report(at, `${layer} may not import ${target}`);
      }
    } else if (/^(?:node|bun|deno):/.test(name)) {
      const mayUseNode = layer === "src/cli/" && name.startsWith("node:");
      if (layer !== "ffi/" && !mayUseNode) report(at, `only ffi/ may import ${name}`);
    } else {
      report(at, `no run-time dependencies: ${name}`);
    }
  }

  if (layer !== "ffi/") {
    // Not after a dot (a property), nor before what makes it a name of our own.
    each(
      /(?<![.\w$#])(?:Deno|Bun|process)\b(?!\s*\??:|\s*\()|\bglobalThis\s*\.\s*(?:Deno|Bun|process)\b/g,
      ([name]) => `only ffi/ may name ${name}`,
    );
    for (const match of code.matchAll(/["'] *["']\s*(?:in\s+globalThis|\])/g)) {
      const [, name] = /^["'](Deno|Bun|process)["']/.exec(source.slice(match.index)) ?? [];
      if (name) report(match.index, `only ffi/ may name ${name}`);
    }
  }
  if (!runtimeFiles.includes(file)) {
    each(/(?<![.\w$#])any\b(?!\s*\??:|\s*\()/g, () => "any: give it a type");
    for (const match of source.matchAll(/@ts-(?:ignore|nocheck|expect-error)\b/g)) {
      report(match.index, `${match[0]}: fix the type`);
    }
  }
  const lines = source.split("\n").length - 1;
  if (lines > maximumLines && !longFiles.includes(file)) {
    report(source.length - 1, `${lines} lines; ${maximumLines} at most`);
  }
  return violations;
}

/** Everything wrong below a directory. */
export function checkTree(root: string): Violation[] {
  const parts = ["mod.ts", "ffi", "src", "tests", "examples", "scripts"];
  const files = parts.flatMap((part) => {
    const path = posix.join(root, part);
    if (!existsSync(path)) return [];
    if (part.endsWith(".ts")) return [part];
    return readdirSync(path, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => posix.join(part, name));
  });
  return files.sort().flatMap((file) => check(file, readFileSync(posix.join(root, file), "utf8")));
}

if (import.meta.main) {
  const violations = checkTree(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));
  for (const { file, line, message } of violations) console.log(`${file}:${line}: ${message}`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
