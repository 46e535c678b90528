// The package as its users' compilers see it: they check its source together with their programs.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { template } from "../../src/cli/init/template.ts";
import { BareProject, pack, repository } from "../support/packages/bare_project.ts";
import { isBun } from "../support/runtime/child.ts";

const everything = readFileSync(new URL("fixtures/everything.ts", import.meta.url), "utf8");

/** Where a compiler found the package. */
const INSTALLED = "node_modules/@nfqueue/nfqueue";

/** The packed tarball in a folder with what `bun init` writes, and no network. */
async function installed(): Promise<BareProject> {
  const project = new BareProject({});
  try {
    // Without a network it writes its files and then fails to install.
    await project.run("bun", ["init", "-y"]);
    project.write("package.json", { private: true, type: "module" });
    const { path } = await pack(project.folder);
    const { status, text } = await project.run("bun", ["add", path]);
    assert.equal(status, 0, text);
    project.write("index.ts", everything);
    // What `nfqueue init` writes.
    project.write("filter.ts", template("filter.ts", { kind: "installed", path: INSTALLED }));
    return project;
  } catch (error) {
    project[Symbol.dispose]();
    throw error;
  }
}

test("the package holds its source, and the papers that a user needs", {
  timeout: 60_000,
}, async () => {
  using project = await installed();
  const files = readdirSync(join(project.folder, INSTALLED), { recursive: true }).map(String);
  for (const paper of ["README.md", "CHANGELOG.md", "LICENSE", "package.json"]) {
    assert.ok(files.includes(paper), `${paper} is missing`);
  }
  const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  for (const target of Object.values<string>(exports)) {
    assert.ok(existsSync(join(project.folder, INSTALLED, target)), `${target} is missing`);
  }
  const other = files.filter((path) => !/^(src|ffi)(\/|$)|^mod\.ts$|^[A-Z]+(\.md)?$/.test(path));
  assert.deepEqual(other.filter((path) => !path.startsWith(".")), ["package.json"]);
});

const strictest = {
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitReturns: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  isolatedModules: true,
  noUncheckedSideEffectImports: true,
};

interface Setting {
  readonly name: string;
  /** The one package of types that there is. */
  readonly types?: string;
  readonly [option: string]: unknown;
}

/** What is unlike `bun init`'s tsconfig.json. */
const common: readonly Setting[] = [
  { name: "bun init's settings", types: "bun" },
  { name: "lib DOM and everything strict", lib: ["ESNext", "DOM"], ...strictest },
];
const all: readonly Setting[] = [
  ...common,
  { name: "exactOptionalPropertyTypes", types: "bun", exactOptionalPropertyTypes: true },
  { name: "less strict than bun init", types: "bun", noUncheckedIndexedAccess: false },
  { name: "Node's types", types: "node" },
  { name: "lib DOM and no package of types", lib: ["ESNext", "DOM"] },
  { name: "everything strict", types: "bun", ...strictest },
];

const compilers = [
  // It takes ten times as long as the newest.
  { name: "TypeScript 5.9", module: "typescript", version: /^Version 5\.9\./, settings: common },
  { name: "the newest", module: "typescript-newest", version: /^Version 7\./, settings: all },
];

// A compiler finds the same whoever starts it.
const once = isBun ? { skip: "it is done in the tests under Deno" } : {};

for (const { name: compiler, module, version, settings } of compilers) {
  test(`${compiler} finds no error in it, in a project of Bun`, {
    timeout: 300_000,
    ...once,
  }, async () => {
    using project = await installed();
    project.copyModules(["@types/bun", "@types/node", "bun-types", "undici-types"]);
    // One error is known: a compiler that looks at nothing would not find it.
    project.write("wrong.ts", 'export const wrong: number = "no number";\n');
    const known = "wrong.ts(1,14): error TS2322: " +
      "Type 'string' is not assignable to type 'number'.";
    const tsc = ["run", "--allow-all", join(repository, `node_modules/${module}/lib/tsc.js`)];
    assert.match((await project.run("deno", [...tsc, "--version"])).text, version);
    for (const { name, types, ...options } of settings) {
      project.write("settings.json", {
        extends: "./tsconfig.json",
        files: ["index.ts", "filter.ts", "wrong.ts"],
        compilerOptions: {
          skipLibCheck: false,
          types: types === undefined ? [] : [types],
          ...options,
        },
      });
      const words = [...tsc, "-p", "settings.json", "--pretty", "false"];
      const { text } = await project.run("deno", words);
      assert.deepEqual([`${name}:`, ...text.trim().split("\n")], [`${name}:`, known]);
    }
  });
}

test("deno check finds no error in it, in a project with an import map", {
  timeout: 300_000,
  ...once,
}, async () => {
  using project = await installed();
  // A folder of its own name: Deno takes no TypeScript from node_modules.
  const imports = Object.fromEntries(
    Object.entries<string>(
      JSON.parse(readFileSync(join(repository, "package.json"), "utf8")).exports,
    ).map(([entry, path]) => [`@nfqueue/nfqueue${entry.slice(1)}`, `./nfqueue/${path.slice(2)}`]),
  );
  project.move(INSTALLED, "nfqueue");
  for (
    const compilerOptions of [
      {},
      { exactOptionalPropertyTypes: true },
      { lib: ["deno.worker"], noUncheckedIndexedAccess: true, ...strictest },
    ]
  ) {
    project.write("deno.json", { imports, compilerOptions });
    const { status, text } = await project.run("deno", ["check", "index.ts"]);
    assert.equal(status, 0, `${JSON.stringify(compilerOptions)}: ${text}`);
  }
  project.write("index.ts", `${everything}\nexport const wrong: number = "no number";\n`);
  assert.notEqual((await project.run("deno", ["check", "index.ts"])).status, 0);
});
