// Each verdict on real packets, seen from outside: by the receiving socket and by rule counters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Handler, type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

/** Three ways to say the same; each must do the same. */
const manners: ReadonlyMap<
  string,
  (packet: Packet, verdict: "accept" | "drop") => ReturnType<Handler>
> = new Map([
  ["a method of the packet", (packet, verdict) => packet[verdict]()],
  ["a returned verdict", (_packet, verdict) => verdict === "drop" ? Verdict.Drop : Verdict.Accept],
  [
    "a promised verdict",
    (_packet, verdict) => Promise.resolve(verdict === "drop" ? Verdict.Drop : Verdict.Accept),
  ],
  ["a method after a wait", async (packet, verdict) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    packet[verdict]();
  }],
]);

for (const [manner, decide] of manners) {
  for (const family of [4, 6] as const) {
    test(`accept and drop by ${manner}, IPv${family}`, { timeout: 20_000 }, async () => {
      await using scene = await Scene.udp({ family });
      const { queue, receiver, sender } = scene;
      using passed = new Rule({ family, chain: "INPUT", match: udpTo(receiver.port) });
      scene.run(
        (packet) => decide(packet, udpText(packet.payload).startsWith("bad") ? "drop" : "accept"),
      );
      await sender.sendAll(["bad 1", "good 1", "bad 2", "good 2", "bad 3", "end"], receiver);
      assert.deepEqual((await receiver.take(3)).sort(), ["end", "good 1", "good 2"]);
      assert.deepEqual(receiver.pending, []);
      assert.equal(scene.queued, 6);
      assert.equal(passed.packets, 3);
      assert.equal(queue.statistics.received, 6);
      assert.equal(queue.statistics.accepted, 3);
      assert.equal(queue.statistics.dropped, 3);
      assert.equal(queue.statistics.outstanding, 0);
    });
  }
}

test("stop accepts", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  scene.run((packet) => {
    if (udpText(packet.payload) === "method") packet.stop();
    else return Verdict.Stop;
  });
  await sender.sendAll(["method", "returned"], receiver);
  assert.deepEqual(await receiver.take(2), ["method", "returned"]);
  assert.equal(queue.statistics.accepted, 2);
});

test("repeat enters the hook again, where the mark leads past the queue", {
  timeout: 20_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using marked = new Rule({
    chain: "OUTPUT",
    match: [...udpTo(receiver.port), "-m", "mark", "--mark", "0x77"],
    jump: ["ACCEPT"],
  });
  using rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await using _filter = new Filter(queue, (packet) => packet.repeat({ mark: 0x77 }));
  await sender.sendAll(["one", "two"], receiver);
  assert.deepEqual(await receiver.take(2), ["one", "two"]);
  assert.equal(rule.packets, 2, "each packet reached the queue once");
  assert.equal(marked.packets, 2, "each packet came by again with its mark");
});

test("a returned Repeat comes back until it is accepted", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  let rounds = 0;
  scene.run(() => ++rounds < 5 ? Verdict.Repeat : Verdict.Accept);
  await sender.send("again", receiver);
  assert.deepEqual(await receiver.take(1), ["again"]);
  assert.equal(rounds, 5);
  assert.equal(scene.queued, 5);
});

test("requeue hands the packet to a second queue, with a mark", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue: first, receiver, sender } = scene;
  using second = PacketQueue.open(nextQueue());
  const seen: string[] = [];
  scene.run((packet) => {
    packet.requeue(second.number, { mark: 0xabc });
  });
  await using _second = new Filter(second, (packet) => {
    const text = udpText(packet.payload);
    seen.push(`${packet.queue} ${packet.mark} ${text}`);
    return text === "drop me" ? Verdict.Drop : Verdict.Accept;
  });
  await sender.sendAll(["drop me", "keep me"], receiver);
  assert.deepEqual(await receiver.take(1), ["keep me"]);
  const label = `${second.number} ${0xabc}`;
  assert.deepEqual(seen, [`${label} drop me`, `${label} keep me`]);
  assert.equal(first.statistics.otherVerdicts, 2);
  assert.equal(second.statistics.received, 2);
});

test("requeue to a queue without listener: dropped, or accepted with bypass", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const nobody = nextQueue();
  scene.run((packet) => {
    packet.requeue(nobody, { bypass: udpText(packet.payload) === "bypass" });
  });
  await sender.sendAll(["no bypass", "bypass"], receiver);
  assert.deepEqual(await receiver.take(1), ["bypass"]);
  assert.deepEqual(receiver.pending, []);
});

test("requeue to queue 0 and to queue 65535", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  using lowest = PacketQueue.open(0);
  using highest = PacketQueue.open(65535);
  const seen: number[] = [];
  const accept = (packet: Packet): Verdict => {
    seen.push(packet.queue);
    return Verdict.Accept;
  };
  scene.run((packet) => {
    packet.requeue(udpText(packet.payload) === "low" ? 0 : 65535, { bypass: true });
  });
  await using _lowest = new Filter(lowest, accept);
  await using _highest = new Filter(highest, accept);
  await sender.send("low", receiver);
  await sender.send("high", receiver);
  assert.deepEqual((await receiver.take(2)).sort(), ["high", "low"]);
  assert.deepEqual(seen.sort((a, b) => a - b), [0, 65535]);
});

test("requeue to the packet's own queue brings it back", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const seen: number[] = [];
  scene.run((packet) => {
    seen.push(packet.mark);
    if (packet.mark < 3) packet.requeue(packet.queue, { mark: packet.mark + 1 });
    else packet.accept();
  });
  await sender.send("round and round", receiver);
  assert.deepEqual(await receiver.take(1), ["round and round"]);
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

test("two queues of one process keep to their own packets", { timeout: 20_000 }, async () => {
  using left = await UdpSocket.open();
  using right = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using leftQueue = PacketQueue.open(nextQueue());
  using rightQueue = PacketQueue.open(nextQueue());
  using _left = queueRule(leftQueue.number, { chain: "OUTPUT", match: udpTo(left.port) });
  using _right = queueRule(rightQueue.number, { chain: "OUTPUT", match: udpTo(right.port) });
  const ports = { left: new Set<number>(), right: new Set<number>() };
  await using _leftFilter = new Filter(leftQueue, (packet) => {
    ports.left.add(packet.udp?.destinationPort ?? 0);
    packet.accept();
  });
  await using _rightFilter = new Filter(rightQueue, (packet) => {
    ports.right.add(packet.udp?.destinationPort ?? 0);
    return udpText(packet.payload) === "19" ? Verdict.Accept : Verdict.Drop;
  });
  for (let count = 0; count < 20; count++) {
    await sender.send(String(count), left);
    await sender.send(String(count), right);
  }
  assert.equal((await left.take(20)).length, 20);
  assert.deepEqual(await right.take(1), ["19"]);
  assert.deepEqual([...ports.left], [left.port]);
  assert.deepEqual([...ports.right], [right.port]);
});

test("packets sent before the filter starts wait for it", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  scene.run(() => Verdict.Accept);
  assert.deepEqual(await receiver.take(200), texts);
});
