// Verdicts that the kernel refused because the thread had lost CAP_NET_ADMIN: their packets wait on, and no
// later verdict may decide them the other way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PacketQueue, Verdict } from "../../mod.ts";
import { useNetAdmin } from "../../scripts/soaking/capability.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

/** Gives the next packets a verdict that the kernel refuses. */
function refused(queue: PacketQueue, verdict: Verdict, packets: number): void {
  useNetAdmin(false);
  try {
    assert.equal(queue.runSync(() => verdict, { maxPackets: packets }).packets, packets);
  } finally {
    useNetAdmin(true);
  }
}

// At once, and after whatever caution a refusal may have called for has passed.
for (const pause of [0, 1500]) {
  test(`a refused drop does not let its packet through ${pause} ms later`, {
    timeout: 20_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue());
    queue.addEventListener("verdicterror", () => {});
    using _rule = queueRule(queue.number, { chain: "INPUT", match: udpTo(receiver.port) });
    const bad = Array.from({ length: 64 }, (_, index) => `dropped ${index}`);
    await sender.sendAll(bad, receiver);
    refused(queue, Verdict.Drop, bad.length);
    queue.runSync(() => Verdict.Drop, { timeout: 0 });
    await delay(pause);
    // Two rounds: the first may still be sent one by one. Equal ones of a round leave as one batch.
    const good: string[] = [];
    for (let round = 0; round < 2; round++) {
      const texts = Array.from({ length: 8 }, (_, index) => `accepted ${round} ${index}`);
      await sender.sendAll(texts, receiver);
      queue.runSync(() => Verdict.Accept, { maxPackets: texts.length });
      good.push(...texts);
    }
    // Whatever was let through comes before this one.
    await sender.send("last", receiver);
    queue.runSync(() => Verdict.Accept, { maxPackets: 1 });
    const arrived: string[] = [];
    while (arrived.at(-1) !== "last") arrived.push(...await receiver.take(1));
    assert.deepEqual(arrived.slice(0, -1).toSorted(), good.toSorted());
  });
}
