// A queue that no rule sends anything to says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";

requireIsolation();

test("run and for await without a rule: one idle event, with the rule to add", {
  timeout: 30_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using runs = PacketQueue.open(nextQueue());
  using iterates = PacketQueue.open(nextQueue());
  using busy = PacketQueue.open(nextQueue());
  using _rule = queueRule(busy.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const messages = new Map<PacketQueue, string[]>();
  for (const queue of [runs, iterates, busy]) {
    messages.set(queue, []);
    queue.addEventListener("idle", (event) => messages.get(queue)?.push(event.message));
  }
  await using _runs = new Filter(runs, () => Verdict.Accept);
  await using _busy = new Filter(busy, () => Verdict.Accept);
  const iteration = (async () => {
    for await (const packet of iterates) packet.accept();
  })();
  await sender.send("one packet is enough", receiver);
  await receiver.take(1);
  await until(() => messages.get(runs)?.length === 1 && messages.get(iterates)?.length === 1, {
    what: "both idle queues have spoken",
  });
  for (const queue of [runs, iterates]) {
    assert.match(messages.get(queue)?.[0] ?? "", new RegExp(`--queue-num ${queue.number}\\b`));
  }
  assert.deepEqual(messages.get(busy), []);
  iterates.close();
  await within(iteration, { what: "for await to end" });
});

test("runSync without a rule", { timeout: 30_000 }, () => {
  using queue = PacketQueue.open(nextQueue());
  const messages: string[] = [];
  queue.addEventListener("idle", (event) => messages.push(event.message));
  assert.equal(queue.runSync(() => Verdict.Accept, { timeout: 3300 }).reason, "timeout");
  assert.equal(messages.length, 1);
});
