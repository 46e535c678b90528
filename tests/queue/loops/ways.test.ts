// The ways of running beside `run`: `runSync` and `for await`, and one after the other on one queue.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../../mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

test("runSync handles packets until maxPackets", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.sendAll(["a", "b", "c", "d", "e"], receiver);
  const seen: string[] = [];
  const first = queue.runSync((packet) => {
    seen.push(udpText(packet.payload));
    return udpText(packet.payload) === "b" ? Verdict.Drop : Verdict.Accept;
  }, { maxPackets: 3 });
  assert.deepEqual(first, { packets: 3, reason: "maxPackets" });
  assert.deepEqual(seen, ["a", "b", "c"]);
  const second = queue.runSync((packet) => packet.accept(), { maxPackets: 2 });
  assert.deepEqual(second, { packets: 2, reason: "maxPackets" });
  assert.deepEqual(await receiver.take(4), ["a", "c", "d", "e"]);
  assert.equal(queue.statistics.received, 5);
});

test("runSync ends after its timeout, with and without packets", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const start = performance.now();
  assert.deepEqual(queue.runSync(() => Verdict.Accept, { timeout: 50 }), {
    packets: 0,
    reason: "timeout",
  });
  assert.ok(performance.now() - start >= 45, "it waited");
  await sender.sendAll(["one", "two"], receiver);
  const result = queue.runSync(() => Verdict.Accept, { timeout: 50 });
  assert.deepEqual(result, { packets: 2, reason: "timeout" });
  assert.deepEqual(queue.runSync(() => Verdict.Accept, { timeout: 0 }), {
    packets: 0,
    reason: "timeout",
  });
  assert.deepEqual(await receiver.take(2), ["one", "two"]);
});

test("runSync with a timeout of 0 takes all that is there", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { batchSize: 16 });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  const result = queue.runSync(() => Verdict.Accept, { timeout: 0 });
  assert.deepEqual(result, { packets: 100, reason: "timeout" });
  assert.deepEqual(await receiver.take(100), texts);
});

test("close() inside the handler ends runSync", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.sendAll(["one", "two", "three"], receiver);
  const result = queue.runSync((packet) => {
    packet.accept();
    queue.close();
  });
  assert.equal(result.reason, "closed");
  assert.equal(result.packets, 1);
  assert.equal(queue.closed, true);
  assert.deepEqual(await receiver.take(1), ["one"]);
  assert.deepEqual(receiver.pending, []);
});

test("for await hands out packets in order; break leaves the queue open", {
  timeout: 20_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const texts = Array.from({ length: 10 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  const seen: string[] = [];
  for (let round = 0; round < 2; round++) {
    for await (const packet of queue) {
      const text = udpText(packet.payload);
      seen.push(text);
      packet.accept();
      if (text.endsWith("4") || text.endsWith("9")) break;
    }
    assert.equal(queue.closed, false);
  }
  assert.deepEqual(seen, texts);
  assert.deepEqual(await receiver.take(10), texts);
});

test("close() ends for await", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  setTimeout(() => queue.close(), 20);
  for await (const _packet of queue) assert.fail("no packet was sent");
  assert.equal(queue.closed, true);
});

test("one queue, run in every way in turn", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  for (let round = 0; round < 3; round++) {
    await sender.sendAll(["sync"], receiver);
    queue.runSync((packet) => packet.accept(), { maxPackets: 1 });
    {
      await using _filter = new Filter(queue, (packet) => packet.accept());
      await sender.sendAll(["run"], receiver);
      assert.deepEqual(await receiver.take(2), ["sync", "run"]);
    }
    await sender.sendAll(["iterate"], receiver);
    for await (const packet of queue) {
      packet.accept();
      break;
    }
    assert.deepEqual(await receiver.take(1), ["iterate"]);
  }
  assert.equal(queue.statistics.accepted, 9);
});

test("a queue is run once at a time", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  await using _filter = new Filter(queue, () => Verdict.Accept);
  await assert.rejects(queue.run(() => Verdict.Accept));
  assert.throws(() => queue.runSync(() => Verdict.Accept, { timeout: 0 }));
  await assert.rejects(async () => {
    for await (const packet of queue) packet.accept();
  });
  assert.equal(queue.closed, false);
});
