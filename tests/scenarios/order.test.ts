// Verdicts late, out of order, and after many other packets: views must stay what they were.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, queueStatistics, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Scene } from "../support/queue/scene.ts";
import { udpText, withUdpText } from "../support/traffic/packets.ts";
import { collectGarbage } from "../support/runtime/child.ts";
import { deferred, until } from "../support/runtime/waiting.ts";

requireIsolation();

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`);

test("held packets are decided in any order, each its own way", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const held: Packet[] = [];
  scene.run((packet) => {
    packet.hold();
    held.push(packet);
  });
  await sender.sendAll(numbered(8), receiver);
  await until(() => held.length === 8, { what: "all packets are held" });
  assert.equal(queue.statistics.outstanding, 8);
  assert.equal(queueStatistics(queue.number)?.length, 8);
  for (const at of [5, 2, 7, 0, 6, 1, 4, 3]) {
    const packet = held[at] as Packet;
    assert.equal(udpText(packet.payload), `${at}`);
    if (at === 4) packet.replacePayload(withUdpText(packet.payload, "four"));
    if (at % 2 === 0) packet.accept();
    else packet.drop();
    queue.flush();
  }
  assert.deepEqual(await receiver.take(4), ["2", "0", "6", "four"]);
  assert.equal(queue.statistics.outstanding, 0);
  assert.equal(queue.statistics.undecided, 0);
  assert.equal(queueStatistics(queue.number)?.length, 0);
});

test("verdicts given outside a handler leave by themselves", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const held = deferred<Packet>();
  scene.run((packet) => {
    packet.hold();
    held.resolve(packet);
  });
  await sender.send("late", receiver);
  const packet = await held.promise;
  setTimeout(() => packet.accept(), 5);
  assert.deepEqual(await receiver.take(1), ["late"]);
});

test("held packets survive many later batches and garbage collections", {
  timeout: 60_000,
}, async () => {
  // Small batches, so that arenas are used up and replaced often.
  await using scene = await Scene.udp({ queue: { batchSize: 8 } });
  const { queue, receiver, sender } = scene;
  const held: { packet: Packet; text: string; payload: Uint8Array; port: () => number }[] = [];
  scene.run((packet) => {
    const text = udpText(packet.payload);
    if (!text.startsWith("keep")) return Verdict.Accept;
    const { payload, udp } = packet;
    held.push({ packet, text, payload, port: () => udp?.destinationPort ?? 0 });
    packet.hold();
    return undefined;
  });
  for (let round = 0; round < 20; round++) {
    await sender.send(`keep ${round}`, receiver);
    const passing = numbered(100).map((text) => `${round} ${text}`);
    await sender.sendAll(passing, receiver);
    assert.deepEqual(await receiver.take(100), passing);
    if (round % 5 === 0) await collectGarbage();
  }
  await collectGarbage();
  assert.equal(held.length, 20);
  assert.equal(queue.statistics.outstanding, 20);
  for (const [index, { packet, text, payload, port }] of held.entries()) {
    assert.equal(text, `keep ${index}`);
    assert.equal(udpText(payload), text, "the payload is still what it was");
    assert.equal(port(), receiver.port);
    packet.replacePayload(withUdpText(packet.payload, `kept ${index}`));
  }
  for (const { packet } of held.toReversed()) packet.accept();
  assert.deepEqual(await receiver.take(20), numbered(20).map((text) => `kept ${text}`).reverse());
  assert.equal(queue.statistics.verdictErrors, 0);
});

test("an async handler finishes packets in its own order", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const gates = numbered(6).map(() => deferred<void>());
  let started = 0;
  scene.run(async (packet) => {
    started++;
    const at = Number(udpText(packet.payload));
    await gates[at]?.promise;
    return at === 2 ? Verdict.Drop : Verdict.Accept;
  });
  await sender.sendAll(numbered(6), receiver);
  await until(() => started === 6, { what: "six handlers run at once" });
  for (const at of [4, 1, 5, 2, 0, 3]) {
    gates[at]?.resolve();
    if (at !== 2) assert.deepEqual(await receiver.take(1), [`${at}`]);
  }
});

test("concurrency bounds how many packets an async handler holds", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { concurrency: 3 } });
  const { receiver, sender } = scene;
  const waiting: (() => void)[] = [];
  let most = 0;
  let now = 0;
  scene.run(async () => {
    most = Math.max(most, ++now);
    await new Promise<void>((resolve) => waiting.push(resolve));
    now--;
    return Verdict.Accept;
  });
  await sender.sendAll(numbered(30), receiver);
  for (let done = 0; done < 30; done++) {
    await until(() => waiting.length > 0, { what: "a handler waits" });
    waiting.shift()?.();
    assert.deepEqual(await receiver.take(1), [`${done}`]);
  }
  assert.equal(most, 3);
});

test("concurrency counts held packets too", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { concurrency: 2 } });
  const { queue, receiver, sender } = scene;
  const held: Packet[] = [];
  scene.run((packet) => {
    packet.hold();
    held.push(packet);
  });
  await sender.sendAll(numbered(10), receiver);
  const arrived: string[] = [];
  while (arrived.length < 10) {
    await until(() => held.length > 0, { what: "a packet is held" });
    assert.ok(queue.statistics.outstanding <= 10);
    assert.ok(held.length <= 2, `${held.length} packets are held`);
    held.shift()?.accept();
    arrived.push(...await receiver.take(1));
  }
  assert.deepEqual(arrived, numbered(10));
});

test("packets held in runSync are decided after it", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { batchSize: 2, concurrency: 1 } });
  const { queue, receiver, sender } = scene;
  await sender.sendAll(numbered(10), receiver);
  const held: Packet[] = [];
  queue.runSync((packet) => {
    if (held.length >= 5) return Verdict.Accept;
    packet.hold();
    held.push(packet);
    return undefined;
  }, { maxPackets: 10 });
  assert.deepEqual(await receiver.take(5), ["5", "6", "7", "8", "9"]);
  for (const packet of held.toReversed()) packet.accept();
  assert.deepEqual(await receiver.take(5), ["4", "3", "2", "1", "0"]);
});

test("for await goes on while earlier packets are held", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.sendAll(numbered(6), receiver);
  const held: Packet[] = [];
  for await (const packet of queue) {
    packet.hold();
    held.push(packet);
    if (held.length === 6) break;
  }
  assert.equal(queue.statistics.undecided, 0);
  for (const at of [3, 0, 5]) held[at]?.accept();
  for (const at of [1, 2, 4]) held[at]?.drop();
  assert.deepEqual(await receiver.take(3), ["3", "0", "5"]);
});

test("copy() stays valid after the verdict and takes none", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { batchSize: 2 } });
  const { queue, receiver, sender } = scene;
  const copies: Packet[] = [];
  const lines: string[] = [];
  const ids: number[] = [];
  scene.run((packet) => {
    copies.push(packet.copy());
    lines.push(String(packet));
    ids.push(packet.id);
    packet.accept();
  });
  await sender.sendAll(numbered(50), receiver);
  await receiver.take(50);
  await collectGarbage();
  for (const [index, copy] of copies.entries()) {
    assert.equal(udpText(copy.payload), `${index}`);
    assert.equal(copy.udp?.destinationPort, receiver.port);
    assert.equal(copy.udp?.sourcePort, sender.port);
    assert.equal(copy.outDevice?.name, "lo");
    assert.equal(copy.hook, "output");
    assert.equal(copy.queue, queue.number);
    assert.equal(copy.length, 28 + `${index}`.length);
    assert.equal(String(copy), lines[index]);
    assert.equal(copy.id, ids[index]);
    assert.throws(() => copy.accept(), { name: "VerdictError" });
    assert.throws(() => copy.hold(), { name: "VerdictError" });
    assert.equal(String(copy.copy()), lines[index]);
  }
});
