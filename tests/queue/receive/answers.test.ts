// The kernel answers a verdict that it refuses on the socket of the packets, one answer each: none may be
// lost for want of room, and none spared by a batch that was made before the kernel let packets go.

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import {
  type Packet,
  PacketQueue,
  type PacketQueueOptions,
  QueueClosedError,
  queueStatistics,
  Verdict,
} from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Cable, Namespace } from "../../support/network/namespaces.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { Scene } from "../../support/queue/scene.ts";
import { Child } from "../../support/runtime/child.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { until } from "../../support/runtime/waiting.ts";

requireIsolation();

/** A socket's send buffer takes no more small datagrams that wait somewhere. */
const EACH = 100;

interface Stage extends Disposable {
  readonly queue: PacketQueue;
  /** Every other one is on its way to the cable's device, the first among them. */
  readonly held: readonly Packet[];
  readonly cable: Cable;
  /** Packets to this port come to the queue. */
  readonly port: number;
}

async function openStage(count: number, options: PacketQueueOptions): Promise<Stage> {
  const stack = new DisposableStack();
  const cable = stack.use(new Cable(stack.use(new Namespace())));
  const receiver = stack.use(await UdpSocket.open());
  const queue = stack.use(PacketQueue.open(nextQueue(), { ...options, warn: false }));
  stack.use(queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) }));
  const held: Packet[] = [];
  const far = { address: cable.farAddress, port: receiver.port };
  while (held.length < count) {
    const sender = stack.use(await UdpSocket.open({ address: "0.0.0.0" }));
    const batch = Math.min(EACH, count - held.length);
    for (let sent = 0; sent < batch; sent++) {
      await sender.send("x", sent % 2 === 0 ? far : receiver);
    }
    queue.runSync((packet) => {
      packet.hold();
      held.push(packet);
    }, { maxPackets: batch, timeout: 5000 });
  }
  assert.equal(held.length, count);
  return { queue, held, cable, port: receiver.port, [Symbol.dispose]: () => stack.dispose() };
}

/** Closes, and looks for what must have come of `count` packets. */
function expectFlushed(queue: PacketQueue, flushed: number, count: number): void {
  queue.close();
  const { accepted, dropped, flushedByKernel, verdictErrors, outstanding } = queue.statistics;
  assert.deepEqual(
    { passed: accepted + dropped, flushedByKernel, verdictErrors, outstanding },
    { passed: count - flushed, flushedByKernel: flushed, verdictErrors: flushed, outstanding: 0 },
  );
}

test("more answers than a small receive buffer takes", { timeout: 60_000 }, async () => {
  using stage = await openStage(600, { receiveBuffer: 60_000 });
  const { queue, held, cable } = stage;
  cable.down();
  for (const packet of held) packet.accept();
  expectFlushed(queue, 300, 600);
});

for (const reportOverruns of [false, true]) {
  test(
    `a flood fills the socket again faster than it is read, ${
      reportOverruns ? "and is told of" : "untold"
    }`,
    { timeout: 60_000 },
    async () => {
      const options = { receiveBuffer: 60_000, maxLength: 100_000, batchSize: 1, reportOverruns };
      using stage = await openStage(600, options);
      const { queue, held, cable, port } = stage;
      const script = new URL("../../scenarios/fixtures/flood.ts", import.meta.url);
      await using flood = new Child(script, { parameters: [port, "endless"] });
      await flood.says("flooding");
      await until(() => (queueStatistics(queue.number)?.userDropped ?? 0) > 0, {
        what: "the socket is full",
      });
      cable.down();
      for (const packet of held) packet.accept();
      queue.flush();
      flood.kill("SIGKILL");
      await flood.end();
      queue.close();
      const { flushedByKernel, verdictErrors } = queue.statistics;
      assert.deepEqual({ flushedByKernel, verdictErrors }, {
        flushedByKernel: 300,
        verdictErrors: 300,
      });
    },
  );
}

test("a slow handler, whose socket a flood fills meanwhile", { timeout: 60_000 }, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open({ address: "0.0.0.0" });
  const options = { receiveBuffer: 60_000, maxLength: 100_000, warn: false };
  using queue = PacketQueue.open(nextQueue(), options);
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const far = { address: cable.farAddress, port: receiver.port };
  for (let sent = 0; sent < 40; sent++) await sender.send("x", far);
  const script = new URL("../../scenarios/fixtures/flood.ts", import.meta.url);
  await using flood = new Child(script, { parameters: [receiver.port, "endless"] });
  await flood.says("flooding");
  await until(() => (queueStatistics(queue.number)?.userDropped ?? 0) > 0, {
    what: "the socket is full",
  });
  let seen = 0;
  queue.runSync(() => {
    for (const end = performance.now() + 1; performance.now() < end;);
    if (++seen === 11) cable.down();
    return Verdict.Accept;
  }, { maxPackets: 40 });
  flood.kill("SIGKILL");
  await flood.end();
  queue.close();
  const { flushedByKernel, verdictErrors } = queue.statistics;
  assert.deepEqual({ flushedByKernel, verdictErrors }, { flushedByKernel: 30, verdictErrors: 30 });
});

test("more verdicts in a turn than a datagram takes", { timeout: 60_000 }, async () => {
  const options = { receiveBuffer: 600_000, maxLength: 10_000, copyRange: 64, concurrency: 10_000 };
  using stage = await openStage(6000, options);
  const { queue, held, cable } = stage;
  cable.down();
  // Runs, and where two change places single verdicts.
  held.forEach((packet, index) => index % 50 === 7 ? packet.drop() : packet.accept());
  expectFlushed(queue, 3000, 6000);
});

test("a device goes down between the verdicts of one datagram", { timeout: 60_000 }, async () => {
  using stage = await openStage(40, {});
  const { queue, held, cable } = stage;
  // The rule is long known, so that runs become batches.
  for (const packet of held.slice(0, 4)) packet.accept();
  queue.flush();
  await delay(1200);
  for (const packet of held.slice(4, 7)) packet.accept();
  held[7]?.drop();
  for (const packet of held.slice(8, 12)) packet.accept();
  cable.down();
  for (const packet of held.slice(12)) packet.accept();
  expectFlushed(queue, 18, 40);
});

test("packets that pass unseen are counted where failOpen was turned on later", {
  timeout: 60_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { receiveBuffer: 5000, warn: false } });
  const { queue, receiver, sender } = scene;
  queue.setFlags({ failOpen: true });
  const told: string[] = [];
  queue.addEventListener("overrun", ({ message }) => told.push(message));
  for (let sent = 0; sent < 50; sent++) await sender.send("x", receiver);
  queue.runSync(() => Verdict.Accept, { timeout: 200 });
  queue.close();
  const { accepted, overruns } = queue.statistics;
  assert.equal(accepted + overruns, 50);
  assert.match(told[0] ?? "", /accepted unseen/);
});

test("a queue that closes takes no change", { timeout: 60_000 }, async () => {
  await using scene = await Scene.udp({ queue: { warn: false } });
  const { queue, receiver } = scene;
  await receiver.send("x", receiver);
  const errors: unknown[] = [];
  // It would let packets come again, which nobody would count.
  queue.addEventListener("undecided", () => {
    try {
      queue.setMaxLength(1000);
    } catch (error) {
      errors.push(error);
    }
  });
  queue.close();
  assert.ok(errors[0] instanceof QueueClosedError);
});
