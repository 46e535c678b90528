/**
 * Checks what "Floors" of ARCHITECTURE.md promises: imports point down only and never in a circle,
 * one floor knows the runtime, files and folders stay small. Prints a line a violation; exits 1 if
 * there is any.
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
import { circlesOf, foldersOf } from "./layers/circles.ts";
import { floorOf, FLOORS } from "./layers/floors.ts";
import { blank, specifiers } from "./layers/source.ts";

/** Only these touch a runtime's own, untyped names. */
const runtimeFiles = ["ffi/deno.ts", "ffi/bun.ts", "ffi/node.ts"];

const MOST_LINES = 400;
/** A longer file says why in its first lines: `Longer than 400 lines: …`. */
const REASON = /Longer than 400 lines: \S+/;
const HEAD = 1000;
const MOST_FILES = 20;
/** Modules that `nfqueue run` takes: it looks at their default export. */
const FILTERS = /^examples\//;

/** One broken rule. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
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

  if (!FILTERS.test(file)) {
    each(/\bexport\s+default\b|\bas\s+default\b/g, () => "default export: name it");
  }

  const floor = floorOf(file);
  if (floor === undefined) {
    if (/^(?:ffi|src)\//.test(file)) report(0, "belongs to no floor: add it to layers/floors.ts");
    return violations;
  }

  for (const { name, at } of specifiers(source, code)) {
    if (/^\.{0,2}\//.test(name)) {
      const target = posix.normalize(posix.join(posix.dirname(file), name));
      const allowed = [floor, ...FLOORS[floor] ?? []];
      if (!allowed.some((prefix) => target.startsWith(prefix))) {
        report(at, `${floor} may not import ${target}`);
      }
    } else if (/^(?:node|bun|deno):/.test(name)) {
      const mayUseNode = floor === "src/cli/" && name.startsWith("node:");
      if (!file.startsWith("ffi/") && !mayUseNode) report(at, `only ffi/ may import ${name}`);
    } else {
      report(at, `no run-time dependencies: ${name}`);
    }
  }

  // The command has node:process.
  if (!file.startsWith("ffi/") && floor !== "src/cli/") {
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
  if (lines > MOST_LINES && !REASON.test(source.slice(0, HEAD))) {
    report(source.length - 1, `${lines} lines; ${MOST_LINES} at most, or a reason in its head`);
  }
  return violations;
}

/** What the files of the library import of each other. */
function importsOf(sources: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const imports = new Map<string, Set<string>>();
  for (const [file, source] of sources) {
    if (floorOf(file) === undefined) continue;
    const names = specifiers(source, blank(source)).map(({ name }) => name)
      .filter((name) => name.startsWith("."))
      .map((name) => posix.normalize(posix.join(posix.dirname(file), name)));
    imports.set(file, new Set(names));
  }
  return imports;
}

/** Circles of files and of folders, type imports included, and folders that hold too much. */
export function checkHouse(sources: ReadonlyMap<string, string>): Violation[] {
  const imports = importsOf(sources);
  const found = (kind: string, circles: readonly string[][]) =>
    circles.map((circle) => ({
      file: circle[0] ?? "",
      line: 1,
      message: `a circle of ${circle.length} ${kind}: ${circle.join(", ")}`,
    }));
  const counts = new Map<string, number>();
  for (const file of imports.keys()) {
    const folder = posix.dirname(file);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const crowded = [...counts].filter(([, count]) => count > MOST_FILES).map(([file, count]) => ({
    file,
    line: 1,
    message: `${count} files; ${MOST_FILES} at most`,
  }));
  return [
    ...found("files", circlesOf(imports)),
    ...found("folders", circlesOf(foldersOf(imports))),
    ...crowded,
  ];
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
  const sources = new Map(
    files.sort().map((file) => [file, readFileSync(posix.join(root, file), "utf8")] as const),
  );
  const each = [...sources].flatMap(([file, source]) => check(file, source));
  return [...each, ...checkHouse(sources)];
}

if (import.meta.main) {
  const violations = checkTree(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));
  for (const { file, line, message } of violations) console.log(`${file}:${line}: ${message}`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
