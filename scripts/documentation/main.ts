/**
 * The build of the site, as scripts/docs starts it.
 *
 * @module
 */

import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { root } from "./files.ts";
import { filesBelow } from "./links.ts";
import { buildSite } from "./site.ts";

const { DENO: deno, BUN: bun } = process.env;
if (deno === undefined || bun === undefined) {
  throw new Error("start scripts/docs, which finds them");
}
const folder = resolve(process.argv[2] ?? join(root, "site"));
const started = performance.now();
const built = buildSite(folder, { deno, bun });
const files = filesBelow(folder);
const size = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `${built.pages} pages, ${built.links} links, ${built.places} places to find, ` +
    `${files.length} files, ${(size / 1e6).toFixed(1)} MB, ${seconds} s`,
);
for (const kind of ["dead", "outside", "twice"] as const) {
  for (const fault of built[kind]) console.error(`${kind}: ${fault}`);
  if (built[kind].length > 0) process.exitCode = 1;
}
console.log(
  `dead links: ${built.dead.length}; requests to elsewhere: ${built.outside.length}; ` +
    `links to elsewhere: ${built.elsewhere.length}`,
);
if (process.exitCode !== 1) console.log(`Open ${join(folder, "index.html")}`);
