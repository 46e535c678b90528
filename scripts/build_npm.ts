/**
 * Builds the npm package with dnt: JavaScript and declarations, as Deno and Node refuse TypeScript in
 * node_modules.
 *
 *     deno run --no-config --node-modules-dir=none --allow-all scripts/build_npm.ts [FOLDER]
 *     NFQUEUE_DNT=file:///…/dnt/mod.ts deno run … --import-map … scripts/build_npm.ts
 *
 * The second form takes another dnt, where JSR is out of reach; the import map tells where its own
 * dependencies are (docs/testing.md has what was run). Without --no-config this project's settings of the
 * compiler would hold for dnt's own modules. What was in the folder (npm/ by default) is removed first.
 * scripts/build_npm_pack.ts makes the same of Deno alone.
 *
 * @module
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { entriesOf, finishPackage, programs, root } from "./lib/npm_package.ts";

// Not a literal, so that `deno check` needs no JSR.
const dnt: string = process.env["NFQUEUE_DNT"] ?? "jsr:@deno/dnt@^0.43.2";
const { build } = (await import(dnt)) as { build(options: object): Promise<void> };

const folder = resolve(process.argv[2] ?? join(root, "npm"));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
// dnt reads the entries' paths from where it runs.
process.chdir(root);
await build({
  entryPoints: Object.entries(entriesOf()).map(([name, path]) => ({ name, path })),
  outDir: folder,
  shims: {},
  test: false,
  scriptModule: false,
  declaration: "inline",
  declarationMap: false,
  skipSourceOutput: true,
  skipNpmInstall: true,
  // `deno check .` has looked at all of it, stricter than dnt can be told to.
  typeCheck: false,
  compilerOptions: { target: "Latest", lib: ["ESNext", "DOM"] },
  // It wants these two; finishPackage writes the file anew.
  package: { name: "@nfqueue/nfqueue", version: "0.0.0" },
});
// package.json says all that these two say.
for (const name of [".npmignore", "esm/package.json"]) rmSync(join(folder, name), { force: true });
// dnt takes the first line of a program (#!) for a part of it, and makes import.meta.main a comparison
// that fails behind a link in node_modules/.bin. A program has no types: its source is JavaScript.
for (const path of programs()) {
  const source = readFileSync(join(root, path), "utf8");
  const script = source.replace(/(from "\.[^"]*)\.ts"/g, '$1.js"');
  writeFileSync(join(folder, "esm", path.replace(/\.ts$/, ".js")), script);
}
finishPackage(folder);
