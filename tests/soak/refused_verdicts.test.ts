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

test(
  "the capability comes back before the refusals could be read",
  { timeout: 20_000 },
  async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    // Received in three parts: of the first ones, the refusals would be behind the others in the socket.
    const part = 8;
    using queue = PacketQueue.open(nextQueue(), { batchSize: part, warn: false });
    using _rule = queueRule(queue.number, { chain: "INPUT", match: udpTo(receiver.port) });
    const texts = Array.from({ length: 3 * part }, (_, index) => `${index}`);
    await sender.sendAll(texts, receiver);
    let seen = 0;
    try {
      queue.runSync(() => {
        const verdict = seen < part ? Verdict.Drop : Verdict.Accept;
        // Lost with the first packet, and there again with the first that is accepted.
        if (seen % part === 0) useNetAdmin(seen !== 0);
        seen++;
        return verdict;
      }, { maxPackets: texts.length });
    } finally {
      useNetAdmin(true);
    }
    assert.deepEqual(await receiver.take(2 * part), texts.slice(part));
    queue.close();
    assert.deepEqual(receiver.pending, []);
    const { accepted, dropped, flushedByKernel, verdictErrors } = queue.statistics;
    assert.deepEqual(
      { accepted, dropped, flushedByKernel, verdictErrors },
      { accepted: 2 * part, dropped: part, flushedByKernel: 0, verdictErrors: part },
    );
  },
);
