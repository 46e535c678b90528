// The npm package's declarations, as the compilers of new projects see them.

import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  bunInit,
  compile,
  denoCheck,
  NEWEST,
  OLDEST,
  type Settings,
  SIX,
  tscInit,
} from "../support/packages/compilers.ts";
import { npmPackage, projectWith } from "../support/packages/npm_package.ts";
import { isBun } from "../support/runtime/child.ts";

// A compiler finds the same whoever starts it, so each has one lane of the two.
const lane = (runtime: "Deno" | "Bun") =>
  (runtime === "Bun") === isBun
    ? { timeout: 300_000 }
    : { timeout: 300_000, skip: `it is done in the tests under ${runtime}` };

const everything = readFileSync(new URL("fixtures/everything.ts", import.meta.url), "utf8");

/** How a compiler finds packages: as bundlers do, or as Node does. */
const RESOLUTIONS = {
  bundler: { module: "preserve", moduleResolution: "bundler" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
} as const;

/** `deno init` writes no settings of the compiler: these are what Deno then takes. */
const denoInit = {
  ...{ target: "esnext", lib: ["esnext", "dom"], types: [], strict: true },
  ...{ noImplicitOverride: true, isolatedModules: true, moduleDetection: "force" },
};
const strictest = {
  ...{ target: "esnext", types: [], strict: true, verbatimModuleSyntax: true },
  ...{ isolatedModules: true, noUncheckedSideEffectImports: true, noUncheckedIndexedAccess: true },
  ...{ exactOptionalPropertyTypes: true, noImplicitOverride: true, noImplicitReturns: true },
  ...{ noFallthroughCasesInSwitch: true, noPropertyAccessFromIndexSignature: true },
  ...{ noUnusedLocals: true, noUnusedParameters: true, erasableSyntaxOnly: true },
  ...{ allowUnreachableCode: false, allowUnusedLabels: false },
};
const loose = { target: "esnext", strict: false, types: [] };

/** What new projects have, and what a person can add to it. */
const sets: Readonly<Record<string, Settings>> = {
  "bun init": { extends: "./bun_init.json", compilerOptions: {} },
  "tsc init": { extends: "./tsc_init.json", compilerOptions: {} },
  "deno init": { compilerOptions: denoInit },
};
const others: Readonly<Record<string, Settings>> = {
  "all that is strict": { compilerOptions: strictest },
  "nothing strict": { compilerOptions: loose },
};

const lanes = [
  { compiler: OLDEST, runtime: "Deno" },
  { compiler: SIX, runtime: "Bun" },
  { compiler: NEWEST, runtime: "Deno" },
] as const;

for (const { compiler, runtime } of lanes) {
  test(`${compiler.name} finds no error in the npm package`, lane(runtime), async () => {
    using project = await projectWith(await npmPackage(), { "index.ts": everything });
    project.write("bun_init.json", await bunInit());
    project.write("tsc_init.json", await tscInit(compiler));
    // The older ones take their time, and read declarations no other way.
    const all = compiler === NEWEST ? { ...sets, ...others } : sets;
    const settings = Object.entries(all).flatMap(([name, { compilerOptions, ...rest }]) =>
      Object.entries(RESOLUTIONS).map(([way, resolution]) =>
        [`${name}, ${way}`, {
          ...rest,
          compilerOptions: { ...compilerOptions, ...resolution },
        }] as const
      )
    );
    await compile(project, { compiler, settings: Object.fromEntries(settings) });
  });
}

test("deno check finds no error in the npm package", lane("Bun"), async () => {
  using project = await projectWith(await npmPackage(), {
    "index.ts": everything,
    "deno.json": { nodeModulesDir: "manual" },
  });
  // What is in node_modules too.
  await denoCheck(project, ["--all"]);
});
