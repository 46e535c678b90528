/**
 * TypeScript's compilers over a project of a user.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BareProject, repository } from "./bare_project.ts";

/** A compiler that this repository has installed. */
export interface Compiler {
  readonly name: string;
  /** Its folder in node_modules. */
  readonly module: string;
  readonly version: RegExp;
}

/** It takes four to ten times as long as the newest. */
export const OLDEST: Compiler = {
  ...{ name: "TypeScript 5.9", module: "typescript", version: /^Version 5\.9\./ },
};
export const SIX: Compiler = {
  ...{ name: "TypeScript 6", module: "typescript-6", version: /^Version 6\./ },
};
export const NEWEST: Compiler = {
  ...{ name: "the newest", module: "typescript-newest", version: /^Version 7\./ },
};

/** One tsconfig.json, without what every one has. */
export interface Settings {
  readonly extends?: string;
  readonly compilerOptions: object;
}

/** A file with one known error: a compiler that looks at nothing would not find it. */
const wrong = 'export const wrong: number = "no number";\n';
const known = "(1,14): error TS2322: Type 'string' is not assignable to type 'number'.";

/** The words that start a compiler under Deno. */
const tsc = ({ module }: Compiler) => [
  ...["run", "--allow-all", join(repository, `node_modules/${module}/lib/tsc.js`)],
];

/** What `tsc --init` of this version writes. */
export async function tscInit(compiler: Compiler): Promise<string> {
  using project = new BareProject({});
  await project.must("deno", [...tsc(compiler), "--init"]);
  return readFileSync(join(project.folder, "tsconfig.json"), "utf8");
}

/** What `bun init` writes. */
export async function bunInit(): Promise<string> {
  using project = new BareProject({});
  // Without a network it writes its files and then fails to install.
  await project.run("bun", ["init", "-y"]);
  return readFileSync(join(project.folder, "tsconfig.json"), "utf8");
}

/** Compiles index.ts with each tsconfig.json. One process for all: it reads what they share once. */
export async function compile(
  project: BareProject,
  { compiler, settings }: {
    readonly compiler: Compiler;
    /** By a name for messages. */
    readonly settings: Readonly<Record<string, Settings>>;
  },
): Promise<void> {
  project.copyModules(["@types/bun", "@types/node", "bun-types", "undici-types"]);
  assert.match(await project.must("deno", [...tsc(compiler), "--version"]), compiler.version);
  // What `tsc --init` turns on and writes no file may have.
  const quiet = { skipLibCheck: false, noEmit: true, declaration: false, declarationMap: false };
  const names = Object.keys(settings).map((name) => name.replaceAll(/\W+/g, "_"));
  for (const [index, { compilerOptions, ...others }] of Object.values(settings).entries()) {
    const name = names[index]!;
    project.write(`wrong.${name}.ts`, wrong);
    project.write(`${name}.json`, {
      ...others,
      files: ["index.ts", `wrong.${name}.ts`],
      compilerOptions: { ...compilerOptions, ...quiet },
    });
  }
  const words = ["-b", ...names.map((name) => `${name}.json`), "--pretty", "false"];
  const { text } = await project.run("deno", [...tsc(compiler), ...words]);
  // Each compiler has looked at each project, and has found nothing else.
  const expected = names.map((name) => `wrong.${name}.ts${known}`);
  assert.deepEqual(text.trim().split("\n").sort(), expected.sort());
}

/** The same by `deno check`, with the settings that are in the project's deno.json. */
export async function denoCheck(
  project: BareProject,
  flags: readonly string[] = [],
): Promise<void> {
  project.write("wrong.ts", wrong);
  const { text } = await project.run("deno", ["check", ...flags, "index.ts", "wrong.ts"]);
  const errors = text.match(/^TS\d+ \[ERROR\]: .*$/gm) ?? [];
  assert.deepEqual(errors, [`TS2322 [ERROR]: ${known.slice(known.indexOf("Type '"))}`], text);
}
