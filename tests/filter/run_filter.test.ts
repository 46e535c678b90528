// runFilter with rules of its own, as a program calls it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RuleSet, runFilter, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { ownedQueues } from "../support/queue/numbers.ts";
import { deferred, within } from "../support/runtime/waiting.ts";
import { udpText } from "../support/traffic/packets.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 30_000 };

test("runFilter installs rules, decides, and leaves nothing behind", limit, async () => {
  using receiver = await UdpSocket.open();
  const before = [...ownedQueues().keys()];
  const controller = new AbortController();
  const started = deferred<void>();
  const steps: string[] = [];
  const running = runFilter({
    rules: { hook: "output", protocol: "udp", destinationPort: receiver.port },
    start: () => {
      steps.push("start");
      // The rules come in the same turn.
      setTimeout(started.resolve, 5);
    },
    packet: (packet) => udpText(packet.payload) === "no" ? Verdict.Drop : Verdict.Accept,
    stop: () => void steps.push("stop"),
  }, { signal: controller.signal });
  await within(started.promise, { what: "the filter" });
  await receiver.sendAll(["no", "yes", "no", "yes too"], receiver);
  assert.deepEqual(await receiver.take(2), ["yes", "yes too"]);
  controller.abort();
  const counters = await within(running, { what: "the end" });
  assert.deepEqual([counters.received, counters.accepted, counters.dropped], [4, 2, 2]);
  assert.deepEqual(steps, ["start", "stop"]);
  assert.deepEqual([...ownedQueues().keys()], before);
  assert.deepEqual(RuleSet.leftovers(), []);
  await receiver.send("no", receiver);
  assert.deepEqual(await receiver.take(1), ["no"]);
});

test("a rule that cannot be installed comes out, behind stop", limit, async () => {
  const before = [...ownedQueues().keys()];
  const steps: string[] = [];
  const running = runFilter({
    rules: [{ hook: "output", outDevice: "nosuch0" }],
    start: () => void steps.push("start"),
    packet: () => Verdict.Drop,
    stop: () => void steps.push("stop"),
  });
  await assert.rejects(running, /outDevice.*nosuch0/);
  assert.deepEqual(steps, ["start", "stop"]);
  assert.deepEqual([...ownedQueues().keys()], before);
});

test("a signal that was aborted before: nothing is opened, all is zero", limit, async () => {
  const counters = await runFilter(() => Verdict.Drop, { signal: AbortSignal.abort() });
  assert.ok(Object.values(counters).every((count) => count === 0));
});
