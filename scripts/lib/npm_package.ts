/**
 * What both builders of the npm package share: from what a tool made in a folder to what is published.
 *
 * @module
 */

import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** This repository. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** One entry, as a tool writes it. */
interface Made {
  readonly import?: string;
  readonly default?: string;
}

/**
 * The beginning of a program, for the shell and for JavaScript: it runs with the runtime that is there. In
 * JavaScript the second line is a text and a comment.
 */
const LAUNCHER = `#!/usr/bin/env sh
":" //; me=$(readlink -f "$0"); command -v bun >/dev/null && exec bun "$me" "$@"; \
command -v deno >/dev/null && exec deno run --quiet --no-check --allow-all "$me" "$@"; \
command -v node >/dev/null && exec node "$me" "$@"; echo "nfqueue needs Bun, Deno or Node" >&2; exit 127
`.replaceAll("\\\n", "");

const PAPERS = ["README.md", "CHANGELOG.md", "LICENSE"];

function read<Content>(path: string): Content {
  return JSON.parse(readFileSync(path, "utf8")) as Content;
}

/** deno.json's entries: name and source file. */
export function entriesOf(): Readonly<Record<string, string>> {
  return read<{ exports: Record<string, string> }>(join(root, "deno.json")).exports;
}

/** The sources of package.json's programs. */
export function programs(): string[] {
  return Object.values(read<Manifest>(join(root, "package.json")).bin);
}

/** `./src/cli/main.ts` and `src/cli/main.ts` are one file. */
const plain = (path: string): string => path.replace(/^\.\//, "");

/** Takes away sources, which a tool may have copied; Deno and Node refuse them in node_modules. */
function dropSources(folder: string): void {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of names) {
    if (!/(?<!\.d)\.ts$/.test(name)) continue;
    rmSync(join(folder, name));
    let parent = dirname(join(folder, name));
    for (; readdirSync(parent).length === 0; parent = dirname(parent)) rmdirSync(parent);
  }
}

/**
 * Gives a folder with JavaScript, declarations and a tool's package.json its final form: this
 * repository's package.json with what the tool made of the entries, and the papers.
 *
 * @throws {Error} when versions differ, or an entry or a program is missing
 */
export function finishPackage(folder: string): void {
  const { devDependencies: _, exports: __, files: ___, bin, ...fields } = read<Manifest>(
    join(root, "package.json"),
  );
  const { version } = read<{ version: string }>(join(root, "deno.json"));
  if (fields.version !== version) {
    throw new Error(`deno.json has version ${version}, package.json ${fields.version}`);
  }
  dropSources(folder);
  const { exports: made } = read<{ exports: Record<string, Made> }>(join(folder, "package.json"));
  // "import" alone would lock out require() of ES modules, and older resolvers.
  const exports: Record<string, { types: string; default: string }> = {};
  const targets: Record<string, string> = {};
  for (const [entry, source] of Object.entries(entriesOf())) {
    const file = made[entry]?.default ?? made[entry]?.import;
    if (file === undefined) throw new Error(`the tool made nothing of ${entry}`);
    exports[entry] = { types: file.replace(/\.js$/, ".d.ts"), default: file };
    for (const path of Object.values(exports[entry])) {
      if (!existsSync(join(folder, path))) throw new Error(`${entry}: ${path} is missing`);
    }
    for (const [program, main] of Object.entries(bin)) {
      if (plain(main) === plain(source)) targets[program] = plain(file);
    }
  }
  for (const [program, main] of Object.entries(bin)) {
    if (!(program in targets)) throw new Error(`${program}: no entry of deno.json is ${main}`);
  }
  for (const target of Object.values(targets)) {
    const path = join(folder, target);
    writeFileSync(path, LAUNCHER + readFileSync(path, "utf8").replace(/^#!.*\n/, ""));
  }
  for (const paper of PAPERS) copyFileSync(join(root, paper), join(folder, paper));
  // The papers are packed without being named, but for CHANGELOG.md; names with a dot are the tool's.
  const named = ["README.md", "LICENSE", "package.json"];
  const files = readdirSync(folder)
    .filter((name) => !named.includes(name) && !name.startsWith(".")).sort();
  const first = exports["."]!;
  const manifest = {
    ...fields,
    main: first.default,
    types: first.types,
    exports,
    bin: targets,
    files,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
