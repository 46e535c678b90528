// libipq with arbitrary arguments: only documented errors, no crash, no endless wait, and a handle
// that works afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

test("arbitrary calls", { timeout: 30_000 }, async () => {
  // The two after it are the child's too.
  const queue = nextQueue(3);
  // In a child of its own: a crash or a hang is told from a failed assertion.
  const seed = Math.floor(Math.random() * 2 ** 31);
  await using child = new Child(new URL("fixtures/arbitrary_calls.ts", import.meta.url), {
    parameters: [seed, queue],
  });
  const end = await child.end(20_000);
  assert.deepEqual(end, { code: 0, signal: null }, `seed ${seed}: ${child.errors.slice(-4000)}`);
  assert.match(child.output, /in order after \d+ calls/);
});
