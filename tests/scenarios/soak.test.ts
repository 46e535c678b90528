// 300,000 packets through each way of running: every verdict accounted for, memory flat.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, queueStatistics, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { Child, collectGarbageNow, isNode, residentMemory } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";

requireIsolation();

const packets = 300_000;
/** Payloads of this size leave no doubt: 270,000 that are kept would be 130 MB. */
const size = 500;
/** Growth allowed from the first tenth to the end. Node's heap may grow once more, later than others'. */
const allowance = (isNode ? 64 : 16) * 1024 * 1024;

/**
 * Resident memory without what merely waits for the collector: V8 lets its heap grow to 70 MB before
 * it troubles itself, and stays there however many packets follow.
 */
function memoryAtRest(): number {
  collectGarbageNow();
  return residentMemory();
}

/** Waits until neither the kernel nor the program holds a packet; a run that fails ends it early. */
async function settled(queue: PacketQueue, running: Promise<void>): Promise<void> {
  const state = (): unknown => [queue.statistics, queueStatistics(queue.number)];
  const emptied = until(() => queueStatistics(queue.number)?.length === 0, {
    what: "the queue is empty",
    state,
  });
  await Promise.race([emptied, running]);
  await until(() => queue.statistics.outstanding === 0, { what: "every packet is decided", state });
}

interface Soak {
  readonly queue: PacketQueue;
  readonly decide: (packet: Packet) => Verdict;
  /** Aborted when everything has been decided. */
  readonly signal: AbortSignal;
}

const ways: Readonly<Record<string, (soak: Soak) => Promise<void>>> = {
  "runSync": async ({ queue, decide, signal }) => {
    while (!signal.aborted) {
      queue.runSync(decide, { maxPackets: 20_000, timeout: 100 });
      // The child's end and the abort are news of the event loop.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  },
  "run, sync handler": ({ queue, decide, signal }) => queue.run(decide, { signal }),
  "run, async handler": ({ queue, decide, signal }) =>
    queue.run(async (packet) => {
      const verdict = decide(packet);
      await Promise.resolve();
      return verdict;
    }, { signal }),
  "for await": async ({ queue, decide, signal }) => {
    signal.addEventListener("abort", () => queue.close());
    for await (const packet of queue) {
      if (decide(packet) === Verdict.Accept) packet.accept();
      else packet.drop();
    }
  },
};

for (const [way, run] of Object.entries(ways)) {
  test(`${packets} packets by ${way}`, { timeout: 120_000 }, async () => {
    using receiver = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue(), {
      ...{ maxLength: 16_384, receiveBuffer: 64 << 20, copyRange: 65531 },
    });
    const match = udpTo(receiver.port);
    using sent = queueRule(queue.number, { chain: "OUTPUT", match });
    // Counted and thrown away here: nobody reads that fast.
    using passed = new Rule({ chain: "INPUT", match, jump: ["DROP"] });
    let seen = 0;
    let accepted = 0;
    let early = 0;
    const decide = (packet: Packet): Verdict => {
      if (++seen === packets / 10) early = memoryAtRest();
      const isOdd = ((packet.payload[packet.payload.length - 1] ?? 0) + packet.id) % 2 === 1;
      if (!isOdd) return Verdict.Drop;
      accepted++;
      return Verdict.Accept;
    };
    const controller = new AbortController();
    const running = run({ queue, decide, signal: controller.signal });
    running.catch(() => {});
    await using flood = new Child(new URL("fixtures/flood.ts", import.meta.url), {
      parameters: [receiver.port, packets, size],
    });
    assert.deepEqual(await flood.end(60_000), { code: 0, signal: null }, flood.errors);
    await settled(queue, running);
    const late = memoryAtRest();
    const kernel = queueStatistics(queue.number);
    controller.abort();
    await within(running, { what: "the run to end" });
    assert.ok(kernel);
    const lost = kernel.queueDropped + kernel.userDropped;
    const { statistics } = queue;
    console.log(
      `${way}: ${statistics.accepted} accepted, ${statistics.dropped} dropped, ${lost} lost, ` +
        `memory ${early >> 20} to ${late >> 20} MiB`,
    );
    assert.equal(sent.packets, packets);
    assert.equal(statistics.received, seen);
    assert.equal(statistics.accepted, accepted);
    assert.equal(statistics.dropped, seen - accepted);
    assert.equal(statistics.accepted + statistics.dropped + lost, packets);
    assert.equal(statistics.overruns, kernel.userDropped);
    assert.equal(passed.packets, accepted);
    assert.equal(statistics.undecided + statistics.verdictErrors + statistics.truncatedMessages, 0);
    assert.ok(seen > packets / 2, `only ${seen} packets were seen`);
    assert.ok(late - early < allowance, `memory grew by ${late - early} bytes`);
  });
}

for (const full of ["queue", "socket"]) {
  test(`a ${full} that is too small: what the kernel drops is accounted for too`, {
    timeout: 60_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    const room = full === "queue" ? { maxLength: 50 } : { receiveBuffer: 50_000 };
    using queue = PacketQueue.open(nextQueue(), { maxLength: 8192, ...room });
    const match = udpTo(receiver.port);
    using sent = queueRule(queue.number, { chain: "OUTPUT", match });
    using passed = new Rule({ chain: "INPUT", match, jump: ["DROP"] });
    const controller = new AbortController();
    let seen = 0;
    const running = queue.run((packet) => {
      // Long enough, now and then, for any buffer to overflow.
      if (++seen % 1000 === 0) spin(5);
      return packet.id % 3 === 0 ? Verdict.Drop : Verdict.Accept;
    }, { signal: controller.signal });
    running.catch(() => {});
    await using flood = new Child(new URL("fixtures/flood.ts", import.meta.url), {
      parameters: [receiver.port, packets / 10, size],
    });
    assert.deepEqual(await flood.end(30_000), { code: 0, signal: null }, flood.errors);
    await settled(queue, running);
    const kernel = queueStatistics(queue.number);
    controller.abort();
    await within(running, { what: "the run to end" });
    assert.ok(kernel);
    const { accepted, dropped, verdictErrors } = queue.statistics;
    const { queueDropped, userDropped } = kernel;
    assert.equal(sent.packets, packets / 10);
    assert.equal(accepted + dropped + queueDropped + userDropped, packets / 10);
    assert.equal(passed.packets, accepted);
    assert.equal(verdictErrors, 0);
    assert.ok((full === "queue" ? queueDropped : userDropped) > 0, "nothing was lost");
  });
}

function spin(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}
