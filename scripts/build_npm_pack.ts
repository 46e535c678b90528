/**
 * Builds the npm package by `deno pack`, which needs nothing but Deno: JavaScript and declarations, as
 * Deno and Node refuse TypeScript in node_modules.
 *
 *     deno run --allow-all scripts/build_npm_pack.ts [FOLDER]
 *
 * What was in the folder (npm/ by default) is removed first. `npm publish ./npm` sends it.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { finishPackage, root } from "./lib/npm_package.ts";

function run(program: string, words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, words, { cwd: root, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
}

const folder = resolve(process.argv[2] ?? join(root, "npm"));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), "nfqueue-pack-"));
try {
  const tarball = join(scratch, "package.tgz");
  run(process.execPath, ["pack", "--allow-dirty", "--no-source-maps", "--output", tarball]);
  run("tar", ["-xzf", tarball, "--strip-components=1", "-C", folder]);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
finishPackage(folder);
