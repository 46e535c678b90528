// Ends from within the program: abort, close, and a program that goes on beside a flood.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Scene } from "../support/queue/scene.ts";
import { Child } from "../support/runtime/child.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";

requireIsolation();

const floodScript = new URL("fixtures/flood.ts", import.meta.url);

test("an abort ends run while it waits, and it can start again", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  for (let round = 0; round < 20; round++) {
    const controller = new AbortController();
    const run = queue.run(() => Verdict.Accept, { signal: controller.signal });
    if (round % 2 === 0) {
      await sender.send(`${round}`, receiver);
      await receiver.take(1);
    }
    controller.abort();
    assert.equal(await within(run, { what: "run to end" }), undefined);
  }
  assert.equal(queue.closed, false);
});

test("an abort with a timeout signal", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  await within(queue.run(() => Verdict.Accept, { signal: AbortSignal.timeout(30) }), {
    what: "run to end",
  });
});

test("a signal aborted before the start: nothing is handled", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.send("waits", receiver);
  const handler = (): never => assert.fail("the signal was aborted");
  await within(queue.run(handler, { signal: AbortSignal.abort() }), { what: "run to end" });
  assert.equal(queue.closed, false);
  queue.runSync((packet) => packet.accept(), { maxPackets: 1 });
  assert.deepEqual(await receiver.take(1), ["waits"]);
});

test("an abort inside the handler: what was received is not lost", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const texts = Array.from({ length: 30 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  const controller = new AbortController();
  let handled = 0;
  await within(
    queue.run(() => {
      if (++handled === 3) controller.abort();
      return Verdict.Accept;
    }, { signal: controller.signal }),
    { what: "run to end" },
  );
  scene.run(() => {
    handled++;
    return Verdict.Accept;
  });
  assert.deepEqual(await receiver.take(30), texts);
  assert.equal(handled, 30);
});

for (const kind of ["sync", "async"]) {
  test(`an abort inside a ${kind} handler: no further packet is handed out`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp();
    const { queue, receiver, sender } = scene;
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
    await sender.sendAll(texts, receiver);
    const controller = new AbortController();
    let handled = 0;
    const run = queue.run(() => {
      if (++handled === 3) controller.abort();
      return kind === "sync" ? Verdict.Accept : Promise.resolve(Verdict.Accept);
    }, { signal: controller.signal });
    await within(run, { what: "run to end" });
    assert.equal(handled, 3);
    assert.deepEqual(await receiver.take(3), texts.slice(0, 3));
    queue.runSync(() => Verdict.Accept, { maxPackets: 97 });
    assert.deepEqual(await receiver.take(97), texts.slice(3));
    assert.equal(handled, 3);
  });
}

test("handlers that are under way at an abort still decide", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const controller = new AbortController();
  const gate = deferred<void>();
  let started = 0;
  const run = queue.run(async () => {
    started++;
    await gate.promise;
    return Verdict.Accept;
  }, { signal: controller.signal });
  await sender.sendAll(["one", "two"], receiver);
  await until(() => started === 2, { what: "both handlers have started" });
  controller.abort();
  await within(run, { what: "run to end" });
  gate.resolve();
  assert.deepEqual(await receiver.take(2), ["one", "two"]);
  assert.equal(queue.statistics.undecided, 0);
});

test("an abort and a close while the handlers hold all they may", {
  timeout: 20_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  for (const end of ["abort", "close"]) {
    using queue = PacketQueue.open(nextQueue(), { concurrency: 1 });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const controller = new AbortController();
    const started = deferred<void>();
    const run = queue.run(() => {
      started.resolve();
      return new Promise<Verdict>(() => {});
    }, { signal: controller.signal });
    await sender.sendAll(["never", "decided"], receiver);
    await within(started.promise, { what: "the handler to start" });
    if (end === "abort") controller.abort();
    else queue.close();
    await within(run, { what: `run to end by ${end}` });
  }
});

test("a listener may close the queue", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  for (const way of ["run", "runSync", "for await"]) {
    using queue = PacketQueue.open(nextQueue(), { onError: Verdict.Accept });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    queue.addEventListener("undecided", () => queue.close());
    await sender.sendAll(["forgotten", "second"], receiver);
    if (way === "run") await within(queue.run(() => {}), { what: "run to end" });
    else if (way === "runSync") assert.equal(queue.runSync(() => {}).reason, "closed");
    else {
      for await (const packet of queue) assert.equal(packet.verdict, undefined);
    }
    assert.deepEqual(await receiver.take(2), ["forgotten", "second"]);
  }
});

test("close() ends run while it waits", { timeout: 20_000 }, async () => {
  for (let round = 0; round < 5; round++) {
    const queue = PacketQueue.open(nextQueue());
    const run = queue.run(() => Verdict.Accept);
    await new Promise((resolve) => setTimeout(resolve, round * 5));
    queue.close();
    await within(run, { what: "run to end" });
  }
});

test("close() inside the handler ends run", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  for (const kind of ["sync", "async"]) {
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    await sender.sendAll(["first", "second"], receiver);
    const close = (): void => queue.close();
    await within(
      queue.run((packet) => {
        packet.accept();
        if (kind === "sync") return close();
        return Promise.resolve().then(close);
      }),
      { what: "run to end" },
    );
    assert.equal((await receiver.take(1))[0], "first");
  }
});

for (const way of ["run", "run, async handler", "for await"]) {
  test(`timers and a TCP server go on under a flood, and an abort ends it: ${way}`, {
    timeout: 40_000,
  }, async () => {
    await using scene = await Scene.udp();
    const { queue, receiver } = scene;
    await using server = await TcpEchoServer.open();
    await using flood = new Child(floodScript, { parameters: [receiver.port, "endless"] });
    const controller = new AbortController();
    const { signal } = controller;
    const iterate = async (): Promise<void> => {
      for await (const packet of queue) {
        packet.drop();
        if (signal.aborted) break;
      }
    };
    const run = way === "for await" ? iterate() : queue.run(
      way === "run" ? () => Verdict.Drop : () => Promise.resolve(Verdict.Drop),
      { signal },
    );
    await flood.says("flooding");
    await until(() => queue.statistics.received > 1000, { what: "the flood has come" });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    try {
      using client = await TcpClient.open(server.port);
      for (let count = 0; count < 100; count++) {
        assert.equal(await client.ask(`question ${count}`), `question ${count}`);
      }
      await until(() => ticks >= 20, { what: "the timer has ticked twenty times" });
    } finally {
      clearInterval(timer);
    }
    const during = queue.statistics.received;
    await until(() => queue.statistics.received > during, { what: "the flood goes on" });
    controller.abort();
    await within(run, { what: "an abort under a flood" });
    queue.close();
    assert.equal(queue.statistics.outstanding, 0);
  });
}

test("close under a flood", { timeout: 40_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver } = scene;
  await using flood = new Child(floodScript, { parameters: [receiver.port, "endless"] });
  const run = queue.run(() => Verdict.Drop);
  await flood.says("flooding");
  await until(() => queue.statistics.received > 1000, { what: "the flood has come" });
  queue.close();
  await within(run, { what: "run to end" });
});
