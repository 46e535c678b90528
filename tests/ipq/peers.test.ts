// One process is one peer of ip_queue: it has one handle for a protocol, in whichever of its threads.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpqTransportName } from "../../src/ipq/mod.ts";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { needsLibipq } from "../support/ipq/libipq.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 30_000;
const taken = "null, 4 98, Unable to bind netlink socket";

/** What the steps of the fixture give, and the child's console. */
async function steps(
  transport: IpqTransportName,
  queue: number,
): Promise<{ readonly steps: Readonly<Record<string, string>>; readonly errors: string }> {
  await using child = new Child(new URL("fixtures/peers.ts", import.meta.url), {
    parameters: [transport, queue],
    environment: transport === "libipq" ? fakeIpQueueEnvironment() : {},
  });
  const end = await child.end(timeout);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  return { steps: JSON.parse(child.output), errors: child.errors };
}

const same = {
  "IPv4 here": "made",
  "IPv4 once more here": taken,
  "its mode": "56, nothing",
  "IPv4 in a worker": taken,
  "IPv4 in another": taken,
  "IPv6 in a worker": "made",
  "IPv6 in the other": taken,
  "IPv6 given back": "0",
  "IPv6 in the other then": "made",
  "IPv6 given back again": "0",
  "IPv4 given back": "0",
  "IPv4 in a worker then": "made",
  "IPv4 here then": taken,
  "IPv4 after a worker was terminated": taken,
};

test("stand-in: handles of one process in several threads, over libipq", {
  timeout,
  ...needsLibipq,
}, async () => {
  const { steps: given, errors } = await steps("libipq", 0);
  assert.deepEqual(given, { ...same, "its mode there": "56, nothing" });
  assert.equal(errors, "");
});

test("handles of one process in several threads, over nfqueue: the same", {
  timeout,
}, async () => {
  const queue = nextQueue(2);
  const { steps: given, errors } = await steps("nfqueue", queue);
  assert.deepEqual(given, {
    ...same,
    // The one difference: a queue has one owner, and that is a thread's socket.
    "its mode there": "56, error 16",
    "IPv4 of another queue in a worker": "made",
    "its mode, too": "56, nothing",
    "given back, too": "0",
  });
  assert.match(errors, /^ipq: queue \d+ has an owner, netlink port \d+: another program, or/);
  assert.equal(errors.trim().split("\n").length, 1, errors);
});
