// A running queue is reconfigured under traffic: what was sent is seen, all of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, queueStatistics, Verdict } from "../../mod.ts";
import { Scene } from "../support/queue/scene.ts";
import { command } from "../support/runtime/command.ts";
import { outerId, requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpText } from "../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";

requireIsolation();

const floodScript = new URL("fixtures/flood.ts", import.meta.url);
const packets = 20_000;

test("a new copy range counts from the next packet", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { copyRange: 30 } });
  const { queue, receiver, sender } = scene;
  const lengths: number[] = [];
  scene.run((packet) => {
    lengths.push(packet.payload.length);
    packet.accept();
  });
  const body = "x".repeat(2000);
  for (const range of [30, 0, 1000, 65531, 1, 28]) {
    queue.setCopyRange(range);
    // Where nothing is asked for, a byte is: it makes the kernel tell the length.
    assert.equal(queueStatistics(queue.number)?.copyMode, 2);
    await sender.send(body, receiver);
    assert.deepEqual(await receiver.take(1), [body]);
  }
  assert.deepEqual(lengths, [30, 0, 1000, 2028, 1, 28]);
});

test("a queue opened for little takes whole packets after setCopyRange", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { copyRange: 0 } });
  const { queue, receiver, sender } = scene;
  // Packets of both kinds wait in the socket together.
  await sender.send("metadata", receiver);
  queue.setCopyRange(65531);
  const body = "y".repeat(60_000);
  await sender.send(body, receiver);
  const seen: string[] = [];
  queue.runSync((packet) => {
    seen.push(packet.truncated ? "truncated" : udpText(packet.payload));
    packet.accept();
  }, { maxPackets: 2 });
  assert.deepEqual(seen, ["truncated", body]);
  assert.deepEqual(await receiver.take(2), ["metadata", body]);
});

test("setMaxLength and failOpen of a running queue act", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const send = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) await sender.send("x", receiver);
  };
  queue.setMaxLength(5);
  await send(8);
  assert.equal(queueStatistics(queue.number)?.length, 5);
  assert.equal(queueStatistics(queue.number)?.queueDropped, 3);
  queue.setFlags({ failOpen: true });
  await send(4);
  await receiver.take(4);
  assert.equal(queueStatistics(queue.number)?.queueDropped, 3);
  queue.setFlags({ failOpen: false });
  await send(2);
  assert.equal(queueStatistics(queue.number)?.queueDropped, 5);
  queue.setMaxLength(6);
  await send(1);
  assert.equal(queueStatistics(queue.number)?.length, 6);
  queue.runSync((packet) => packet.accept(), { maxPackets: 6 });
  await receiver.take(6);
});

test("uidGid can be switched on and off", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const uids: (number | undefined)[] = [];
  scene.run((packet) => {
    uids.push(packet.uid);
    packet.accept();
  });
  for (const uidGid of [false, true, false]) {
    queue.setFlags({ uidGid });
    await sender.send("x", receiver);
    await receiver.take(1);
  }
  assert.deepEqual(uids, [undefined, outerId("uid"), undefined]);
});

test("setters work inside the handler and between runs", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const lengths: number[] = [];
  const body = "z".repeat(500);
  for (let count = 0; count < 3; count++) await sender.send(body, receiver);
  queue.runSync((packet) => {
    lengths.push(packet.payload.length);
    queue.setCopyRange(100);
    // A reconfiguration reads the socket: this packet's bytes must stay what they are.
    assert.equal(udpText(packet.payload), body);
    return Verdict.Accept;
  }, { maxPackets: 3 });
  await sender.send(body, receiver);
  queue.runSync((packet) => {
    lengths.push(packet.payload.length);
    return Verdict.Accept;
  }, { maxPackets: 1 });
  assert.deepEqual(lengths, [528, 528, 528, 100]);
  await receiver.take(4);
});

for (const way of ["run", "for await"]) {
  test(`a packet that comes in with a setter's answer is handed out at once: ${way}`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp();
    const { queue, receiver } = scene;
    const iterate = async (): Promise<void> => {
      for await (const packet of queue) packet.accept();
    };
    const running = way === "run" ? queue.run(() => Verdict.Accept) : iterate();
    for (let round = 0; round < 3; round++) {
      // The loop waits; then the packet arrives, and is read with the answer, in one turn.
      await new Promise((resolve) => setTimeout(resolve, 10));
      command("bash", ["-c", `echo -n ${round} > /dev/udp/127.0.0.1/${receiver.port}`]);
      queue.setMaxLength(2000 + round);
      assert.deepEqual(await receiver.take(1), [String(round)]);
    }
    queue.close();
    await within(running, { what: "the run to end" });
  });
}

type Way = (
  queue: PacketQueue,
  options: { each: () => void; signal: AbortSignal },
) => Promise<void>;

const ways: Readonly<Record<string, Way>> = {
  "run, sync handler": (queue, { each, signal }) =>
    queue.run((packet) => {
      each();
      packet.accept();
    }, { signal }),
  "run, async handler": (queue, { each, signal }) =>
    queue.run(async (packet) => {
      each();
      await Promise.resolve();
      packet.accept();
    }, { signal }),
  "for await": async (queue, { each, signal }) => {
    signal.addEventListener("abort", () => queue.close());
    for await (const packet of queue) {
      each();
      packet.accept();
    }
  },
};

for (const [way, run] of Object.entries(ways)) {
  test(`no packet is lost while a queue is reconfigured: ${way}`, {
    timeout: 60_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    // Room enough that the kernel need not drop: every loss would then be ours.
    const room = { maxLength: packets, receiveBuffer: 256 << 20 };
    using queue = PacketQueue.open(nextQueue(), room);
    const match = udpTo(receiver.port);
    using sent = queueRule(queue.number, { chain: "OUTPUT", match });
    using passed = new Rule({ chain: "INPUT", match });
    const errors: string[] = [];
    queue.addEventListener("verdicterror", (event) => errors.push(event.error.message));
    let seen = 0;
    let changes = 0;
    const each = (): void => {
      // Now and then from within, besides the timer below.
      if (++seen % 997 === 0) queue.setCopyRange(seen % 2000);
    };
    const state = (): unknown => [queue.statistics, queueStatistics(queue.number)];
    const controller = new AbortController();
    const running = run(queue, { each, signal: controller.signal });
    await using flood = new Child(floodScript, { parameters: [receiver.port, packets] });
    const timer = setInterval(() => {
      changes++;
      queue.setCopyRange([0, 100, 65531][changes % 3] ?? 0);
      queue.setMaxLength(packets + changes);
      queue.setFlags({ gso: changes % 2 === 0, uidGid: changes % 3 === 0 });
    }, 3);
    try {
      assert.deepEqual(await flood.end(30_000), { code: 0, signal: null });
      await until(() => queue.statistics.received >= packets, {
        what: "all packets are seen",
        state,
      });
    } finally {
      clearInterval(timer);
    }
    await until(() => queue.statistics.outstanding === 0, { what: "all are decided", state });
    const kernel = queueStatistics(queue.number);
    controller.abort();
    await within(running, { what: "run to end" });
    assert.equal(sent.packets, packets);
    assert.equal(passed.packets, packets);
    assert.equal(seen, packets);
    assert.equal(kernel?.queueDropped, 0);
    assert.equal(kernel?.userDropped, 0);
    assert.deepEqual(errors, []);
    assert.ok(changes > 10, `only ${changes} changes`);
  });
}
