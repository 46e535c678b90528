// What waits to be flushed is flushed once a turn, and again until it could be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DelayedFlush, flushWaiting } from "../../src/nfqueue/delayed_flush.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";

const limit = { timeout: 20_000 };

test(
  "a flush comes at the end of the turn, once however often it is asked for",
  limit,
  async () => {
    let flushes = 0;
    const flushed = deferred<void>();
    const flush = new DelayedFlush(() => {
      flushes++;
      flushed.resolve();
    });
    for (let count = 0; count < 3; count++) flush.soon();
    assert.deepEqual([flushes, flush.waiting], [0, true]);
    await within(flushed.promise, { what: "the flush" });
    assert.deepEqual([flushes, flush.waiting], [1, false]);
  },
);

test(
  "a thread that is about to block flushes all that waits, and nothing twice",
  limit,
  async () => {
    const flushed: string[] = [];
    const [first, second, third] = ["first", "second", "third"].map((name) =>
      new DelayedFlush(() => flushed.push(name))
    );
    first?.soon();
    third?.soon();
    flushWaiting();
    assert.deepEqual(flushed, ["first", "third"]);
    second?.soon();
    second?.cancel();
    flushWaiting();
    first?.soon();
    await until(() => flushed.length === 3, { what: "the one that was asked for again" });
    assert.deepEqual(flushed, ["first", "third", "first"]);
  },
);

test("a flush that fails is tried again, until it is called off", limit, async () => {
  let failures = 3;
  let flushes = 0;
  const flush = new DelayedFlush(() => {
    flushes++;
    if (failures-- > 0) throw new Error("no memory");
  });
  flush.soon();
  flush.now();
  assert.equal(flush.waiting, true);
  await until(() => !flush.waiting, { what: "the flush that succeeds" });
  assert.equal(flushes, 4);
  failures = Infinity;
  flush.soon();
  await until(() => flushes > 5, { what: "further tries" });
  flush.cancel();
  const last = flushes;
  flush.now();
  flushWaiting();
  assert.deepEqual([flushes, flush.waiting], [last, false]);
});
