// Random packets, calls and arguments, with a fence behind every block of the library: whatever it
// reads or writes outside ends the child.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { Child } from "../support/runtime/child.ts";
import { Fence } from "./fence.ts";

const script = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url);
const SEEDS = [1, 2, 3];
/** The fence is made of glibc's allocator. */
const glibc = readdirSync("/lib").every((name) => !name.startsWith("ld-musl"));
const withFence = { timeout: 60_000, ...(glibc ? {} : { skip: "the fence needs glibc" }) };

for (const seed of SEEDS) {
  test(
    `nothing reaches outside, nothing undocumented is thrown: seed ${seed}`,
    withFence,
    async () => {
      using fence = new Fence();
      await using child = new Child(script("hostile_packets"), {
        parameters: [seed, 5000, fence.path],
        environment: { LD_PRELOAD: fence.path },
      });
      const { code } = await child.end(30_000);
      assert.equal(code, 0, child.output + child.errors);
      assert.match(child.output, /^survived \d{5} calls/);
      for (const outcome of ["true", "false", "null", "string", "object", "RangeError"]) {
        assert.match(child.output, new RegExp(`"${outcome}":\\d{3}`), "every outcome is common");
      }
    },
  );
}

test("the same without the fence, as users run it", { timeout: 60_000 }, async () => {
  await using child = new Child(script("hostile_packets"), { parameters: [4, 30_000] });
  const { code } = await child.end(50_000);
  assert.equal(code, 0, child.output + child.errors);
});

for (
  const name of [
    "ihl beyond the packet",
    "match beyond the packet",
    "no room after a trim",
    "tot_len beyond the packet",
  ]
) {
  test(`the fence notices what the library does unchecked: ${name}`, withFence, async () => {
    using fence = new Fence();
    await using child = new Child(script("unchecked_packets"), {
      parameters: [name, fence.path],
      environment: { LD_PRELOAD: fence.path },
    });
    const { code, signal } = await child.end();
    assert.match(child.output, /^calling\n$/, `it ended by itself: ${child.output}${child.errors}`);
    assert.ok(code !== 0 || signal !== null);
  });
}
