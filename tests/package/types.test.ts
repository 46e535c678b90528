// The package as its users' compilers see it: they check its source together with their programs.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { template } from "../../src/cli/init/template.ts";
import { BareProject, pack, repository } from "../support/packages/bare_project.ts";
import { compile, denoCheck, NEWEST, OLDEST } from "../support/packages/compilers.ts";
import { isDeno } from "../support/runtime/child.ts";

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

/** What is unlike `bun init`'s tsconfig.json. Programs with the npm package have more: npm_types.test.ts. */
const settings: Readonly<Record<string, { readonly types?: string[]; readonly lib?: string[] }>> = {
  "lib DOM and everything strict": { types: [], lib: ["ESNext", "DOM"], ...strictest },
  "bun init's settings": { types: ["bun"] },
  "Node's types": { types: ["node"] },
};

// A compiler finds the same whoever starts it.
const once = isDeno ? {} : { skip: "it is done in the tests under Deno" };

for (const { compiler, most } of [{ compiler: OLDEST, most: 1 }, { compiler: NEWEST, most: 1 }]) {
  test(`${compiler.name} finds no error in it, in a project of Bun`, {
    timeout: 300_000,
    ...once,
  }, async () => {
    using project = await installed();
    const configs = Object.entries(settings).slice(0, most).map(([name, compilerOptions]) => [
      name,
      { extends: "./tsconfig.json", compilerOptions },
    ]);
    await compile(project, { compiler, settings: Object.fromEntries(configs) });
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
      { lib: ["deno.worker"], noUncheckedIndexedAccess: true, ...strictest },
    ]
  ) {
    project.write("deno.json", { imports, compilerOptions });
    await denoCheck(project);
  }
});
