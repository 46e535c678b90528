// Bursts around the sizes that the loops work in: a slice of 256 packets, a batch of `batchSize`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, queueStatistics, Verdict } from "../../mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpText } from "../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";

requireIsolation();

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`);

/** Sends numbered packets that nobody takes yet: they fill one socket's send buffer after another. */
async function sendBurst(count: number, receiver: UdpSocket): Promise<void> {
  const texts = numbered(count);
  await using senders = new AsyncDisposableStack();
  while (texts.length > 0) {
    const sender = senders.use(await UdpSocket.open());
    await sender.sendAll(texts.splice(0, 100), receiver);
  }
}

/** A queue with so many packets in its socket; what it accepts is counted, not received. */
interface Burst extends AsyncDisposable {
  readonly queue: PacketQueue;
  /** How many wait: all of them, or what an ordinary user's receive buffer takes. */
  readonly waiting: number;
  readonly arrived: Rule;
  readonly held: Packet[];
}

/** Packets of the burst itself begin an arena; behind a packet that is held they begin within one. */
async function burst({ batchSize, behind, count }: {
  readonly batchSize: number;
  /** Packets before the burst, of which the first is held. */
  readonly behind: number;
  readonly count: number;
}): Promise<Burst> {
  const stack = new AsyncDisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const queue = stack.use(PacketQueue.open(nextQueue(), { batchSize, copyRange: 128 }));
  const match = udpTo(receiver.port);
  stack.use(queueRule(queue.number, { chain: "OUTPUT", match }));
  const held: Packet[] = [];
  if (behind > 0) {
    await sendBurst(behind, receiver);
    queue.runSync((packet) => {
      if (held.length > 0) return Verdict.Drop;
      packet.hold();
      held.push(packet);
    }, { maxPackets: behind });
  }
  // A burst of accepted packets is more than the receiver's own buffer takes.
  const arrived = stack.use(new Rule({ chain: "INPUT", match, jump: ["DROP"] }));
  await sendBurst(count, receiver);
  const waiting = (queueStatistics(queue.number)?.length ?? 0) - held.length;
  assert.ok(waiting > 256, `only ${waiting} packets wait`);
  return { queue, waiting, arrived, held, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

for (const batchSize of [64, 100, 1024]) {
  for (const count of [257, 300, 600]) {
    test(`run hands out all of ${count} packets, batchSize ${batchSize}`, {
      timeout: 40_000,
    }, async () => {
      for (const behind of [0, 7]) {
        for (const holds of [false, true]) {
          await using scene = await burst({ batchSize, behind, count });
          const { queue, waiting, arrived, held } = scene;
          const seen: string[] = [];
          await using _filter = new Filter(queue, (packet) => {
            seen.push(udpText(packet.payload));
            if (!holds || seen.length > 1) return Verdict.Accept;
            packet.hold();
            held.push(packet);
          });
          await until(() => seen.length === waiting, {
            what: `all ${waiting} are handed out, ${behind} before, one held: ${holds}`,
            state: () => [seen.length, queue.statistics, queueStatistics(queue.number)],
          });
          assert.deepEqual(seen, numbered(waiting));
          for (const packet of held) packet.drop();
          queue.flush();
          assert.equal(queue.statistics.outstanding, 0);
          assert.equal(queueStatistics(queue.number)?.length, 0);
          assert.equal(arrived.packets, waiting - (holds ? 1 : 0));
        }
      }
    });
  }
}

test("async handlers and for await are handed all of a burst", { timeout: 40_000 }, async () => {
  for (const behind of [0, 7]) {
    for (const way of ["async", "for await"]) {
      await using scene = await burst({ batchSize: 64, behind, count: 300 });
      const { queue, waiting, arrived } = scene;
      let seen = 0;
      const iterate = async (): Promise<void> => {
        for await (const packet of queue) {
          packet.accept();
          if (++seen === waiting) break;
        }
      };
      const controller = new AbortController();
      const running = way === "for await" ? iterate() : queue.run(() => {
        seen++;
        return Promise.resolve(Verdict.Accept);
      }, { signal: controller.signal });
      await until(() => seen === waiting, {
        what: `${way} sees all ${waiting}, ${behind} before`,
        state: () => [seen, queue.statistics],
      });
      await until(() => arrived.packets === waiting, { what: "all are accepted" });
      controller.abort();
      await within(running, { what: `${way} to end` });
    }
  }
});

for (const way of ["run", "for await"]) {
  test(`packets of another family do not keep the thread: ${way}`, {
    timeout: 20_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue(), { family: "ipv6", copyRange: 64 });
    const match = udpTo(receiver.port);
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match });
    using arrived = new Rule({ chain: "INPUT", match, jump: ["DROP"] });
    await sendBurst(900, receiver);
    const waiting = queueStatistics(queue.number)?.length ?? 0;
    assert.ok(waiting > 320, `only ${waiting} packets wait`);
    const controller = new AbortController();
    const none = (): never => assert.fail("no packet is of the family asked for");
    const packets = queue[Symbol.asyncIterator]();
    const running = way === "run"
      ? queue.run(none, { signal: controller.signal })
      : packets.next().then(({ done }) => assert.equal(done, true));
    // Both have begun by now, and gave the thread back before they saw everything.
    assert.ok(queue.statistics.received < waiting, `${queue.statistics.received} of ${waiting}`);
    await until(() => arrived.packets === waiting, { what: "all are accepted" });
    controller.abort();
    if (way === "for await") queue.close();
    await within(running, { what: `${way} to end` });
  });
}

test("runSync with a timeout of 0 ends though packets of another family keep coming", {
  timeout: 20_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const count = 16;
  using queue = PacketQueue.open(nextQueue(), {
    ...{ family: "ipv6", maxLength: count, batchSize: 4 },
  });
  await using stack = new AsyncDisposableStack();
  // Each packet comes six times: no sooner is it accepted than it is at the next place.
  const places = [
    ...["OUTPUT", "POSTROUTING", "PREROUTING", "INPUT"].map((chain) => ["mangle", chain]),
    ...["OUTPUT", "INPUT"].map((chain) => ["filter", chain]),
  ] as [string, string][];
  for (const [table, chain] of places) {
    stack.use(queueRule(queue.number, { table, chain, match: udpTo(receiver.port) }));
  }
  await sender.sendAll(numbered(count), receiver);
  const none = (): never => assert.fail("no packet is of the family asked for");
  const result = queue.runSync(none, { timeout: 0 });
  assert.deepEqual(result, { packets: 0, reason: "timeout" });
  const { received } = queue.statistics;
  assert.ok(received >= count && received < 2 * count, `${received} of ${6 * count}`);
  while (queue.statistics.received < 6 * count) queue.runSync(none, { timeout: 10 });
  assert.deepEqual(await receiver.take(count), numbered(count));
});
