// The test kit of the npm package, in each runtime's own test runner; the examples of its page too.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/packages/bare_project.ts";
import { npmPackage, projectWith } from "../support/packages/npm_package.ts";
import { isBun } from "../support/runtime/child.ts";

const timeout = 120_000;
const kit = readFileSync(new URL("fixtures/kit.test.js", import.meta.url), "utf8");
const page = readFileSync(join(repository, "docs/testing_filters.md"), "utf8");
/** It is not among what the setup installs: any Node from 20 on will do. */
const node = spawnSync("node", ["--version"], { encoding: "utf8" });
const inNode = isBun
  ? "it is done in the tests under Deno"
  : node.status !== 0
  ? "there is no Node here"
  : false;

test("the runtime's own tests, and the examples of the page", { timeout }, async () => {
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = ""]) => block);
  assert.ok(blocks.length >= 4, `${blocks.length} blocks`);
  const examples = blocks.map((block, at) => [`example_${at}.test.ts`, block] as const);
  // What is no test would be said to be none.
  const wrapped = examples.map(([name, block]) => {
    if (block.includes("node:test")) return [name, block] as const;
    const lines = block.split("\n");
    const imports = lines.filter((line) => line.startsWith("import "));
    const rest = lines.filter((line) => !line.startsWith("import "));
    const head = `import { test } from "node:test";\n${imports.join("\n")}`;
    return [name, `${head}\ntest("it", async () => {\n${rest.join("\n")}\n});\n`] as const;
  });
  using project = await projectWith(await npmPackage(), {
    "kit.test.js": kit,
    ...Object.fromEntries(wrapped),
  });
  // No permission: neither FFI nor files.
  const text = isBun
    ? await project.must("bun", ["test"])
    : await project.must("deno", ["test", "--no-prompt", "--no-check"]);
  assert.match(
    text,
    new RegExp(isBun ? "\\b8 pass\\b.*\\b0 fail\\b" : "\\b8 passed \\| 0 failed", "s"),
  );
});

test("in Node", { timeout, skip: inNode }, async () => {
  using project = await projectWith(await npmPackage(), { "kit.test.js": kit });
  const words = ["--test", "kit.test.js"];
  const options = { cwd: project.folder, encoding: "utf8", timeout } as const;
  const { status, stdout, stderr } = spawnSync("node", words, options);
  assert.equal(status, 0, `${node.stdout}${stdout}${stderr}`);
  assert.match(stdout, /pass 4\b/);
});
