// What happens when the queue or the socket is full; the kernel's own counters are the witness.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type OverrunEvent, PacketQueue, queueStatistics, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Scene } from "../support/queue/scene.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

test("a full queue drops what does not fit", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { maxLength: 10 } });
  const { queue, receiver, sender } = scene;
  const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  const full = queueStatistics(queue.number);
  assert.equal(full?.length, 10);
  assert.equal(full?.queueDropped, 40);
  assert.equal(full?.userDropped, 0);
  scene.run(() => Verdict.Accept);
  assert.deepEqual(await receiver.take(10), texts.slice(0, 10));
  await sender.send("room again", receiver);
  assert.deepEqual(await receiver.take(1), ["room again"]);
  assert.equal(queueStatistics(queue.number)?.length, 0);
  assert.equal(queue.statistics.received, 11);
});

test("a full queue with failOpen lets through what does not fit", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { maxLength: 10, failOpen: true } });
  const { queue, receiver, sender } = scene;
  const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  // The later ones arrive while the first ten still wait.
  assert.deepEqual(await receiver.take(40), texts.slice(10));
  const full = queueStatistics(queue.number);
  assert.equal(full?.length, 10);
  assert.equal(full?.queueDropped, 0);
  scene.run(() => Verdict.Accept);
  assert.deepEqual(await receiver.take(10), texts.slice(0, 10));
});

for (const reportOverruns of [false, true]) {
  test(`an overrun socket is survived and reported, reportOverruns: ${reportOverruns}`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp({ queue: { receiveBuffer: 4096, reportOverruns } });
    const { queue, receiver, sender } = scene;
    const events: OverrunEvent[] = [];
    queue.addEventListener("overrun", (event) => events.push(event));
    const body = "x".repeat(1000);
    for (let count = 0; count < 100; count++) await sender.send(body, receiver);
    const kernel = queueStatistics(queue.number);
    assert.ok(kernel);
    assert.ok(kernel.userDropped > 0, "the socket's buffer was too small");
    assert.equal(kernel.queueDropped, 0);
    assert.equal(kernel.length + kernel.userDropped, 100);
    scene.run(() => Verdict.Accept);
    assert.equal((await receiver.take(kernel.length)).length, kernel.length);
    // The next packet's id shows the gap.
    await sender.send("after the flood", receiver);
    assert.deepEqual(await receiver.take(1), ["after the flood"]);
    await until(() => events.length > 0, { what: "an overrun event came" });
    const lost = events.reduce((sum, event) => sum + event.lost, 0);
    assert.equal(lost, kernel.userDropped);
    assert.equal(queue.statistics.overruns, kernel.userDropped);
    assert.equal(queue.statistics.received, kernel.length + 1);
    // Only who asks for them gets the kernel's own numbers.
    const told = events.map((event) => event.userDropped).filter((count) => count !== undefined);
    assert.equal(told.at(-1), reportOverruns ? kernel.userDropped : undefined);
  });
}

test(
  "with reportOverruns a burst is reported though silence follows",
  { timeout: 20_000 },
  async () => {
    await using scene = await Scene.udp({ queue: { maxLength: 5, reportOverruns: true } });
    const { queue, receiver, sender } = scene;
    const events: OverrunEvent[] = [];
    queue.addEventListener("overrun", (event) => events.push(event));
    for (let count = 0; count < 12; count++) await sender.send("one of twelve", receiver);
    scene.run(() => Verdict.Accept);
    await receiver.take(5);
    await until(() => events.some((event) => event.queueDropped === 7), {
      what: "an overrun event tells of the full queue",
    });
  },
);

test("with reportOverruns the kernel's counters come along", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { maxLength: 5, reportOverruns: true } });
  const { queue, receiver, sender } = scene;
  const events: OverrunEvent[] = [];
  queue.addEventListener("overrun", (event) => events.push(event));
  for (let count = 0; count < 12; count++) await sender.send("one of twelve", receiver);
  scene.run(() => Verdict.Accept);
  await receiver.take(5);
  // The counters are compared once a second while packets flow.
  const timer = setInterval(() => void sender.send("more", receiver), 50);
  try {
    await until(() => events.some((event) => event.queueDropped === 7), {
      what: "an overrun event tells of the full queue",
    });
  } finally {
    clearInterval(timer);
  }
});

test("a socket overrun with failOpen loses nothing", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { receiveBuffer: 4096, failOpen: true } });
  const { queue, receiver, sender } = scene;
  for (let count = 0; count < 60; count++) await sender.send("x".repeat(1000), receiver);
  const waiting = queueStatistics(queue.number)?.length ?? 0;
  assert.ok(waiting > 0 && waiting < 60);
  assert.equal(queueStatistics(queue.number)?.userDropped, 0);
  await receiver.take(60 - waiting);
  scene.run(() => Verdict.Accept);
  await receiver.take(waiting);
  assert.equal(queue.statistics.received, waiting);
});

for (const way of ["runSync", "for await"]) {
  test(`an overrun is survived by ${way}`, { timeout: 20_000 }, async () => {
    const options = { receiveBuffer: 4096, reportOverruns: true };
    await using scene = await Scene.udp({ queue: options });
    const { queue, receiver, sender } = scene;
    for (let count = 0; count < 60; count++) await sender.send("x".repeat(1000), receiver);
    const waiting = queueStatistics(queue.number)?.length ?? 0;
    assert.ok(waiting > 0 && waiting < 60);
    let left = waiting + 1;
    if (way === "runSync") {
      queue.runSync(() => Verdict.Accept, { maxPackets: waiting });
      await sender.send("later", receiver);
      queue.runSync(() => Verdict.Accept, { maxPackets: 1 });
    } else {
      for await (const packet of queue) {
        packet.accept();
        if (--left === 1) await sender.send("later", receiver);
        if (left === 0) break;
      }
    }
    assert.equal((await receiver.take(waiting + 1)).at(-1), "later");
    assert.equal(queue.statistics.overruns, 60 - waiting);
  });
}

test("queueStatistics lists every queue of the namespace", { timeout: 20_000 }, () => {
  using first = PacketQueue.open(nextQueue(), { copyRange: 100 });
  using second = PacketQueue.open(nextQueue(), { copyRange: 0 });
  const all = queueStatistics();
  const mine = all.filter(({ queue }) => queue === first.number || queue === second.number);
  assert.equal(mine.length, 2);
  const one = queueStatistics(first.number);
  assert.equal(one?.queue, first.number);
  assert.equal(one?.copyRange, 100);
  assert.equal(one?.copyMode, 2);
  assert.equal(one?.idSequence, 0);
  assert.ok((one?.portId ?? 0) > 0);
  // A byte of each packet is asked for, so that the kernel tells its length.
  assert.deepEqual(
    [queueStatistics(second.number)?.copyMode, queueStatistics(second.number)?.copyRange],
    [2, 1],
  );
  first.close();
  assert.equal(queueStatistics(first.number), undefined);
});
