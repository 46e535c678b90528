// The npm package's declarations, as the compilers of new projects see them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/packages/bare_project.ts";
import { npmPackage, projectWith } from "../support/packages/npm_package.ts";
import { isBun } from "../support/runtime/child.ts";

// A compiler finds the same whoever starts it.
const once = isBun
  ? { timeout: 300_000, skip: "it is done in the tests under Deno" }
  : { timeout: 300_000 };

const everything = readFileSync(new URL("fixtures/everything.ts", import.meta.url), "utf8");
const wrong = 'export const wrong: number = "no number";\n';
// One error is known: a compiler that looks at nothing would not find it.
const known = "wrong.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'.";

const bundler = { module: "preserve", moduleResolution: "bundler" };
const nodenext = { module: "nodenext", moduleResolution: "nodenext" };
const shared = { target: "esnext", strict: true, verbatimModuleSyntax: true, jsx: "react-jsx" };
/** What `bun init` and `tsc --init` write, and all that a person can add. */
const bunInit = {
  ...shared,
  ...{ lib: ["esnext"], types: ["bun"], allowJs: true, moduleDetection: "force" },
  ...{ noFallthroughCasesInSwitch: true, noUncheckedIndexedAccess: true },
  noImplicitOverride: true,
};
const tscInit = {
  ...shared,
  ...{ types: [], isolatedModules: true, noUncheckedSideEffectImports: true },
  ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
};
const strictest = {
  ...tscInit,
  ...{ noImplicitOverride: true, noImplicitReturns: true, noFallthroughCasesInSwitch: true },
  ...{ noPropertyAccessFromIndexSignature: true, noUnusedLocals: true, noUnusedParameters: true },
  ...{ allowUnreachableCode: false, allowUnusedLabels: false, erasableSyntaxOnly: true },
};
const loose = { target: "esnext", strict: false, types: [] };

const settings = {
  "bun init, bundler": { ...bunInit, ...bundler },
  "tsc --init, nodenext": { ...tscInit, ...nodenext },
  "all that is strict, bundler": { ...strictest, ...bundler },
  "bun init, nodenext": { ...bunInit, ...nodenext },
  "tsc --init, bundler": { ...tscInit, ...bundler },
  "all that is strict, nodenext": { ...strictest, ...nodenext },
  "nothing strict, nodenext": { ...loose, ...nodenext },
};

const compilers = [
  // It takes four times as long as the newest, and reads declarations no other way.
  { name: "TypeScript 5.9", module: "typescript", version: /^Version 5\.9\./, most: 3 },
  { name: "the newest", module: "typescript-newest", version: /^Version 7\./, most: Infinity },
];

for (const { name, module, version, most } of compilers) {
  test(`${name} finds no error in the npm package`, once, async () => {
    using project = await projectWith(await npmPackage(), {
      "index.ts": everything,
      "wrong.ts": wrong,
    });
    project.copyModules(["@types/bun", "@types/node", "bun-types", "undici-types"]);
    const tsc = ["run", "--allow-all", join(repository, `node_modules/${module}/lib/tsc.js`)];
    assert.match(await project.must("deno", [...tsc, "--version"]), version);
    for (const [setting, options] of Object.entries(settings).slice(0, most)) {
      project.write("tsconfig.json", {
        files: ["index.ts", "wrong.ts"],
        compilerOptions: { ...options, skipLibCheck: false, noEmit: true },
      });
      const { text } = await project.run("deno", [...tsc, "--pretty", "false"]);
      assert.deepEqual([setting, ...text.trim().split("\n")], [setting, known]);
    }
  });
}

test("deno check finds no error in the npm package", once, async () => {
  using project = await projectWith(await npmPackage(), {
    "index.ts": everything,
    "deno.json": { nodeModulesDir: "manual" },
  });
  await project.must("deno", ["check", "--all", "index.ts"]);
  project.write("index.ts", everything + wrong);
  assert.notEqual((await project.run("deno", ["check", "index.ts"])).status, 0);
});
