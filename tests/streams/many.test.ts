// A thousand connections at once, three times over: memory within its limits, and flat after they have ended.
// (scripts/long_streams has ten thousand.)
import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { manyConnections } from "./many_connections.ts";

requireIsolation();

const COUNT = 1000;
/** What other tests of the same process and the runtime's own caches may move. */
const MARGIN = 8 << 20;

test("1,000 connections, three times", { timeout: 120_000 }, async () => {
  const rounds = await manyConnections({ count: COUNT, rounds: 3, port: 5380 });
  for (const { open, ended } of rounds) {
    assert.equal(open.connections, COUNT);
    assert.ok(open.bytes <= 64 << 20, `${open.bytes} bytes`);
    assert.equal(ended.bytes, 0);
    assert.equal(ended.limits.connections, 0);
    assert.equal(ended.unsent, 0);
  }
  assert.deepEqual(rounds.map(({ ended }) => ended.ended.closed), [COUNT, 2 * COUNT, 3 * COUNT]);
  const [, second, third] = rounds.map(({ endedMemory }) => endedMemory);
  assert.ok(third!.heap <= second!.heap + MARGIN, `${third!.heap} after ${second!.heap}`);
  assert.ok(third!.resident <= second!.resident + 2 * MARGIN, JSON.stringify([second, third]));
});
