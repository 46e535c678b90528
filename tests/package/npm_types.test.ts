// The npm package's declarations, as the compilers of new projects see them.

import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compile, denoCheck, NEWEST, OLDEST } from "../support/packages/compilers.ts";
import { npmPackage, projectWith } from "../support/packages/npm_package.ts";
import { isDeno } from "../support/runtime/child.ts";

// A compiler finds the same whoever starts it.
const once = isDeno
  ? { timeout: 300_000 }
  : { timeout: 300_000, skip: "it is done in the tests under Deno" };

const everything = readFileSync(new URL("fixtures/everything.ts", import.meta.url), "utf8");

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
  // It reads declarations no other way than the newest, and takes its time.
  { compiler: OLDEST, settings: Object.entries(settings).slice(0, 1) },
  { compiler: NEWEST, settings: Object.entries(settings) },
];

for (const { compiler, settings } of compilers) {
  test(`${compiler.name} finds no error in the npm package`, once, async () => {
    using project = await projectWith(await npmPackage(), { "index.ts": everything });
    const configs = settings.map(([name, compilerOptions]) => [name, { compilerOptions }]);
    await compile(project, { compiler, settings: Object.fromEntries(configs) });
  });
}

test("deno check finds no error in the npm package", once, async () => {
  using project = await projectWith(await npmPackage(), {
    "index.ts": everything,
    "deno.json": { nodeModulesDir: "manual" },
  });
  // What is in node_modules too.
  await denoCheck(project, ["--all"]);
});
