// Hostile messages, callbacks by the million, handles that come and go. What may crash or leak runs in
// processes of its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { isQuick } from "../support/runtime/quick.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

/** What a fixture prints, as JSON. */
async function run(name: string, parameters: readonly (string | number)[]): Promise<unknown> {
  await using child = new Child(new URL(`fixtures/${name}.ts`, import.meta.url), { parameters });
  const end = await child.end(90_000);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  return JSON.parse(child.output);
}

interface State {
  readonly memory: number;
  readonly descriptors: number;
}

interface Cycles {
  readonly seen: number;
  readonly before: State;
  readonly after: State;
}

function assertNoGrowth({ before, after }: Cycles): void {
  // The runtime may open one or two of its own.
  const more = after.descriptors - before.descriptors;
  assert.ok(more < 10, `${more} more descriptors`);
  const growth = after.memory - before.memory;
  assert.ok(growth < 32 << 20, `memory grew by ${growth} bytes`);
}

test("hostile messages harm nobody", { timeout: 120_000 }, async () => {
  const runs = isQuick ? 2000 : 20_000;
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { ran, called } = await run("messages", [nextQueue(), seed, runs]) as {
    readonly ran: number;
    readonly called: number;
  };
  assert.equal(ran, runs, `seed ${seed}`);
  assert.ok(called > runs / 10, `only ${called} came to the callback; seed ${seed}`);
});

test("a million callbacks leave nothing behind", { timeout: 120_000 }, async () => {
  const count = isQuick ? 100_000 : 1_000_000;
  const cycles = await run("cycles", ["callbacks", nextQueue(), count]) as Cycles;
  assert.equal(cycles.seen, count);
  assertNoGrowth(cycles);
});

test("20,000 handles come and go and leave nothing behind", { timeout: 120_000 }, async () => {
  const count = isQuick ? 10_000 : 20_000;
  const cycles = await run("cycles", ["lives", nextQueue(), count]) as Cycles;
  assert.equal(cycles.seen, count);
  assertNoGrowth(cycles);
});
