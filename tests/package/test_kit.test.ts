// The test kit of the npm package, in each runtime's own test runner; the examples of its page too.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/packages/bare_project.ts";
import { npmPackage, projectWith } from "../support/packages/npm_package.ts";
import { isDeno, runtime } from "../support/runtime/child.ts";

const timeout = 120_000;
const kit = readFileSync(new URL("fixtures/kit.test.js", import.meta.url), "utf8");
const page = readFileSync(join(repository, "docs/testing_filters.md"), "utf8");
/** It is not among what the setup installs: any Node from 20 on will do. */
const node = spawnSync("node", ["--version"], { encoding: "utf8" });
const [major = 0, minor = 0] = node.stdout?.slice(1).split(".").map(Number) ?? [];
const old = major < 26 || (major === 26 && minor < 9);
const inNode = !isDeno
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
  const words = { bun: ["test"], deno: ["test", "--no-prompt", "--no-check"], node: ["--test"] };
  const count = 4 + blocks.length;
  const counts = {
    ...{ bun: `\\b${count} pass\\b.*\\b0 fail\\b`, deno: `\\b${count} passed \\| 0 failed` },
    node: `\\bpass ${count}\\b.*\\bfail 0\\b`,
  };
  assert.match(await project.must(runtime, words[runtime]), new RegExp(counts[runtime], "s"));
});

test("an older Node reads packets, and says what a queue takes", {
  timeout,
  skip: inNode || (old ? false : `the Node here is ${node.stdout.trim()}`),
}, async () => {
  using project = await projectWith(await npmPackage(), {
    "all.js": `
      import "@nfqueue/nfqueue/netlink";
      import "@nfqueue/nfqueue/capture";
      import "@nfqueue/nfqueue/identify";
      import "@nfqueue/nfqueue/testing";
      import { buildPacket, parseLayers } from "@nfqueue/nfqueue/packet";
      import { LibraryLoadError, PacketQueue } from "@nfqueue/nfqueue";
      console.log(parseLayers(buildPacket({ ipv4: { destination: "127.0.0.1" } })).ipv4.destination);
      try {
        PacketQueue.open(1);
      } catch (error) {
        console.log(error instanceof LibraryLoadError, error.message);
      }
    `,
  });
  const options = { cwd: project.folder, encoding: "utf8", timeout } as const;
  const { stdout, stderr } = spawnSync("node", ["all.js"], options);
  const sentence = "Node 26.9 or later is needed to open a queue; this is ";
  assert.equal(stderr, "");
  assert.match(stdout, new RegExp(`^127\\.0\\.0\\.1\\ntrue .*: ${sentence}\\d+\\.\\d+\\.\\d+\\n$`));
});

test("in Node", { timeout, skip: inNode }, async () => {
  using project = await projectWith(await npmPackage(), { "kit.test.js": kit });
  const words = ["--test", "kit.test.js"];
  const options = { cwd: project.folder, encoding: "utf8", timeout } as const;
  const { status, stdout, stderr } = spawnSync("node", words, options);
  assert.equal(status, 0, `${node.stdout}${stdout}${stderr}`);
  assert.match(stdout, /pass 4\b/);
});
