// Listeners that close the queue while it is in the middle of something: it ends once, and nothing
// touches its descriptor afterwards, which may be another's by then.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, QueueClosedError, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { within } from "../support/runtime/waiting.ts";

requireIsolation();

const body = "x".repeat(1000);

/** The kernel's answer may have come together with what the listener was told of, or not any more. */
function orClosed(act: () => void): void {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof QueueClosedError, String(error));
  }
}

/** What receives, and how it ends when a listener closes the queue meanwhile. */
const receivers: Readonly<Record<string, (queue: PacketQueue) => unknown>> = {
  run: (queue) => queue.run(() => Verdict.Accept),
  runSync: (queue) => assert.equal(queue.runSync(() => Verdict.Accept).reason, "closed"),
  "runSync with a timeout": (queue) => {
    assert.equal(queue.runSync(() => Verdict.Accept, { timeout: 1000 }).reason, "closed");
  },
  "for await": async (queue) => {
    for await (const packet of queue) packet.accept();
  },
  setCopyRange: (queue) => orClosed(() => queue.setCopyRange(100)),
  setMaxLength: (queue) => orClosed(() => queue.setMaxLength(100)),
  setFlags: (queue) => orClosed(() => queue.setFlags({ gso: false })),
  close: (queue) => queue.close(),
};

/** What else the listener does: with its descriptor free, or another's, a mistake shows differently. */
const deeds = ["closes the queue", "closes the queue and opens another"] as const;
const cases = Object.entries(receivers).flatMap(([what, receive]) =>
  deeds.flatMap((deed) => [true, false].map((told) => ({ what, receive, deed, told })))
);

for (const { what, receive, deed, told } of cases) {
  test(`a listener ${deed} within ${what}, reportOverruns: ${told}`, {
    timeout: 20_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    const options = { receiveBuffer: 4096, reportOverruns: told };
    using queue = PacketQueue.open(nextQueue(), options);
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    // More than the buffer takes: the kernel tells of it, or the next packet's id does.
    for (let count = 0; count < 60; count++) await sender.send(body, receiver);
    if (!told) {
      queue.runSync(() => Verdict.Drop, { maxPackets: 1 });
      await sender.send(body, receiver);
    }
    using others = new DisposableStack();
    const opened: PacketQueue[] = [];
    let calls = 0;
    queue.addEventListener("overrun", () => {
      calls++;
      queue.close();
      if (deed !== "closes the queue") opened.push(others.use(PacketQueue.open(nextQueue())));
    });
    await within((async () => await receive(queue))(), { what: `${what} to end` });
    assert.equal(calls, 1);
    assert.equal(queue.closed, true);
    assert.equal(ownedQueues().has(queue.number), false);
    queue.close();
    for (const other of opened) {
      using _other = queueRule(other.number, { chain: "INPUT", match: udpTo(sender.port) });
      await receiver.send("by the other queue", sender);
      assert.equal(other.runSync(() => Verdict.Accept, { maxPackets: 1 }).packets, 1);
      assert.deepEqual(await sender.take(1), ["by the other queue"]);
    }
  });
}

for (const way of ["run", "runSync", "runSync, slow handler"]) {
  test(`a listener closes the queue when a deadline passes: ${way}`, {
    timeout: 20_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    const deadline = { milliseconds: 20, verdict: Verdict.Accept };
    using queue = PacketQueue.open(nextQueue(), { deadline, onError: Verdict.Accept });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    let expired = 0;
    queue.addEventListener("undecided", ({ cause }) => {
      if (cause === "deadline") expired++;
      queue.close();
    });
    await sender.sendAll(["held", "held too"], receiver);
    if (way === "run") {
      const run = queue.run((packet) => packet.hold());
      await within(run, { what: "run to end" });
    } else {
      const { reason } = queue.runSync((packet) => {
        packet.hold();
        const end = performance.now() + (way === "runSync" ? 0 : 30);
        while (performance.now() < end);
      });
      assert.equal(reason, "closed");
    }
    assert.ok(expired >= 1);
    assert.equal(queue.statistics.outstanding, 0);
    assert.deepEqual((await receiver.take(2)).sort(), ["held", "held too"]);
  });
}
