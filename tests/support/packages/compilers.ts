/**
 * TypeScript's compilers over a project of a user.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type BareProject, repository } from "./bare_project.ts";

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
export const NEWEST: Compiler = {
  ...{ name: "the newest", module: "typescript-newest", version: /^Version 7\./ },
};

/** A file with one known error: a compiler that looks at nothing would not find it. */
const wrong = 'export const wrong: number = "no number";\n';
const known = "wrong.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'.";

/** Compiles index.ts with each tsconfig.json; two at once, as one uses one processor. */
export async function compile(
  project: BareProject,
  { compiler, settings }: {
    readonly compiler: Compiler;
    /** By a name for messages. */
    readonly settings: Readonly<Record<string, { readonly compilerOptions: object }>>;
  },
): Promise<void> {
  project.write("wrong.ts", wrong);
  project.copyModules(["@types/bun", "@types/node", "bun-types", "undici-types"]);
  const tsc = [
    "run",
    "--allow-all",
    join(repository, `node_modules/${compiler.module}/lib/tsc.js`),
  ];
  assert.match(await project.must("deno", [...tsc, "--version"]), compiler.version);
  const waiting = Object.entries(settings).entries();
  const work = async () => {
    for (const [index, [name, config]] of waiting) {
      const file = `tsconfig.${index}.json`;
      project.write(file, {
        ...config,
        files: ["index.ts", "wrong.ts"],
        compilerOptions: { ...config.compilerOptions, skipLibCheck: false, noEmit: true },
      });
      const { text } = await project.run("deno", [...tsc, "-p", file, "--pretty", "false"]);
      assert.deepEqual([name, ...text.trim().split("\n")], [name, known]);
    }
  };
  await Promise.all([work(), work()]);
}

/** The same by `deno check`, with the settings that are in the project's deno.json. */
export async function denoCheck(
  project: BareProject,
  flags: readonly string[] = [],
): Promise<void> {
  project.write("wrong.ts", wrong);
  const { text } = await project.run("deno", ["check", ...flags, "index.ts", "wrong.ts"]);
  const errors = text.match(/^TS\d+ \[ERROR\]: .*$/gm) ?? [];
  assert.deepEqual(errors, [`TS2322 [ERROR]: ${known.slice(known.indexOf("Type"))}`], text);
}
