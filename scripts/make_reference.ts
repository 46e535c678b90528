/**
 * Writes docs/libnetfilter_queue.md from the symbol tables of ffi/ and the doc comments of
 * src/libnetfilter_queue, so that the page cannot tell anything else than the code does.
 *
 *     deno run --allow-read --allow-write --allow-run scripts/make_reference.ts [--check]
 *
 * --check writes nothing, and fails where the page is not what it would write. A symbol without a
 * method, or a method whose comment leaves out what it returns, fails as well.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { readClasses } from "./lib/class_docs.ts";
import { referencePage } from "./lib/reference_page.ts";
import { boundSymbols } from "./lib/symbols.ts";

const page = new URL("../docs/libnetfilter_queue.md", import.meta.url);

/** Runs this same Deno; gives what it writes. */
function deno(parameters: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [...parameters], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    input,
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`deno ${parameters.join(" ")}: ${stderr}`);
  return stdout;
}

const docs = readClasses(deno(["doc", "--json", "src/libnetfilter_queue/mod.ts"]));
const text = deno(["fmt", "--ext", "md", "-"], referencePage(boundSymbols(), docs));
if (!process.argv.includes("--check")) {
  mkdirSync(new URL(".", page), { recursive: true });
  writeFileSync(page, text);
} else if (!existsSync(page) || readFileSync(page, "utf8") !== text) {
  console.error(`${fileURLToPath(page)} is out of date: run scripts/make_reference.ts`);
  process.exitCode = 1;
}
