/**
 * Checks what a registry shows of the package: every public name of every entry of deno.json has its
 * documentation and no hidden type, and publishing would give no warning. Nothing is sent, and no
 * network is needed.
 *
 *     deno run --allow-read --allow-run --allow-env scripts/check_package.ts
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as {
  readonly exports: Readonly<Record<string, string>>;
};

const checks = [
  ["doc", "--lint", ...Object.values(exports)],
  // Without types: `deno check` has looked at them. Slow types are found all the same.
  ["publish", "--dry-run", "--no-check", "--allow-dirty"],
];

for (const words of checks) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, words, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  const text = stdout + stderr;
  // A warning ends with status 0.
  if (status === 0 && !/^warning\b/im.test(text)) continue;
  console.error(`deno ${words.slice(0, 2).join(" ")}: status ${status}\n${text}`);
  process.exitCode = 1;
}
