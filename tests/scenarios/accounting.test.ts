// Nothing is lost without being counted: what a rule sent is accepted, dropped, or lost for a reason that
// the statistics tell, in packets, whatever happened in between.

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import {
  type OverrunEvent,
  type Packet,
  PacketQueue,
  type PacketQueueOptions,
  type QueueCounters,
  queueStatistics,
  Verdict,
  type VerdictErrorEvent,
} from "../../mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, type Rule, udpTo } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

/** The sum that must be what the rule sent. */
function sum(counters: QueueCounters): number {
  const { accepted, dropped, otherVerdicts, overruns, queueDropped, flushedByKernel } = counters;
  return accepted + dropped + otherVerdicts + overruns + queueDropped + flushedByKernel;
}

interface Scene extends AsyncDisposable {
  readonly queue: PacketQueue;
  readonly receiver: UdpSocket;
  readonly sender: UdpSocket;
  readonly rule: Rule;
  readonly overruns: OverrunEvent[];
}

async function scene(options: PacketQueueOptions = {}): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const sender = stack.use(await UdpSocket.open({ address: "0.0.0.0" }));
  const queue = stack.use(PacketQueue.open(nextQueue(), options));
  const rule = stack.use(queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) }));
  const overruns: OverrunEvent[] = [];
  queue.addEventListener("overrun", (event) => overruns.push(event));
  return {
    ...{ queue, receiver, sender, rule, overruns },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Sends, and does not yield to a reader of this thread before all are in the queue or lost. */
async function flood(
  { sender, receiver }: Pick<Scene, "sender" | "receiver">,
  count: number,
  size = 100,
): Promise<void> {
  const bytes = new Uint8Array(size);
  for (let sent = 0; sent < count; sent++) await sender.send(bytes, receiver);
}

const ways: Readonly<Record<string, (stage: Scene, count: number) => Promise<void>>> = {
  runSync: ({ queue }) => {
    queue.runSync(() => Verdict.Accept, { timeout: 1500 });
    return Promise.resolve();
  },
  run: async ({ queue }) => {
    await queue.run(() => Verdict.Accept, { signal: AbortSignal.timeout(1500) });
  },
  "run with promises": async ({ queue }) => {
    await queue.run(() => delay(1, Verdict.Accept as Verdict), {
      signal: AbortSignal.timeout(1500),
    });
  },
  "for await": async ({ queue }) => {
    setTimeout(() => queue.close(), 1500);
    for await (const packet of queue) packet.accept();
  },
};

for (const [name, read] of Object.entries(ways)) {
  test(`losses at the socket that no packet follows are counted and told: ${name}`, {
    timeout: 60_000,
  }, async () => {
    await using stage = await scene({ receiveBuffer: 60_000, maxLength: 100_000 });
    const { queue, overruns } = stage;
    await flood(stage, 1000);
    await read(stage, 1000);
    queue.close();
    const { statistics } = queue;
    assert.ok(statistics.overruns > 100, JSON.stringify(statistics));
    assert.equal(sum(statistics), 1000, JSON.stringify(statistics));
    assert.equal(overruns.reduce((lost, event) => lost + event.lost, 0), statistics.overruns);
    assert.ok(overruns.every((event) => event.message.includes(`queue ${queue.number}`)));
  });

  test(
    `drops at the queue's limit are counted and told: ${name}`,
    { timeout: 60_000 },
    async () => {
      await using stage = await scene({ maxLength: 100 });
      const { queue, overruns } = stage;
      await flood(stage, 500);
      await read(stage, 100);
      queue.close();
      const { statistics } = queue;
      assert.equal(statistics.queueDropped, 400, JSON.stringify(statistics));
      assert.equal(sum(statistics), 500);
      assert.equal(overruns.at(-1)?.queueDropped, 400);
      assert.match(overruns.at(-1)?.message ?? "", /maxLength/);
    },
  );
}

test("losses that a later packet shows are not counted twice", { timeout: 60_000 }, async () => {
  await using stage = await scene({ receiveBuffer: 60_000, maxLength: 100_000 });
  const { queue, overruns } = stage;
  await flood(stage, 1000);
  queue.runSync(() => Verdict.Accept, { timeout: 1500 });
  const told = queue.statistics.overruns;
  assert.ok(told > 100);
  await flood(stage, 10);
  queue.runSync(() => Verdict.Accept, { maxPackets: 10, timeout: 5000 });
  queue.close();
  assert.equal(queue.statistics.overruns, told);
  assert.equal(sum(queue.statistics), 1010);
  assert.equal(overruns.reduce((lost, event) => lost + event.lost, 0), told);
});

test(
  "a queue that nobody reads tells of its losses when it closes",
  { timeout: 60_000 },
  async () => {
    await using stage = await scene({ maxLength: 50 });
    await flood(stage, 80);
    stage.queue.close();
    const { dropped, queueDropped } = stage.queue.statistics;
    assert.deepEqual([dropped, queueDropped], [50, 30]);
  },
);

test("two devices' packets are held, one device goes down, all are accepted in order", {
  timeout: 60_000,
}, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  await using stage = await scene();
  const { queue, sender, receiver } = stage;
  const errors: VerdictErrorEvent[] = [];
  queue.addEventListener("verdicterror", (event) => errors.push(event));
  const held: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    packet.hold();
    held.push(packet);
  });
  for (let turn = 0; turn < 20; turn++) {
    await sender.send("far", { address: cable.farAddress, port: receiver.port });
    await sender.send("near", receiver);
  }
  await until(() => held.length === 40, { what: "all are held" });
  cable.down();
  for (const packet of held) packet.accept();
  await receiver.take(20);
  await until(() => queue.statistics.flushedByKernel === 20, {
    what: "the packets of the device are known to be gone",
    state: () => queue.statistics,
  });
  const { accepted, outstanding, verdictErrors } = queue.statistics;
  assert.deepEqual([accepted, outstanding, verdictErrors], [20, 0, 20]);
  assert.equal(errors.reduce((count, event) => count + event.packets, 0), 20);
  assert.ok(errors.every((event) => event.message.includes("ENOENT")));
});

test("packets that the kernel flushes are counted at once: a device, a batch", {
  timeout: 60_000,
}, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  await using stage = await scene();
  const { queue, sender, receiver } = stage;
  for (let turn = 0; turn < 5; turn++) {
    await sender.send("far", { address: cable.farAddress, port: receiver.port });
  }
  const held: Packet[] = [];
  queue.runSync((packet) => {
    packet.hold();
    held.push(packet);
  }, { maxPackets: 5, timeout: 5000 });
  cable.down();
  for (const packet of held) packet.accept();
  queue.close();
  const { accepted, flushedByKernel, verdictErrors } = queue.statistics;
  assert.deepEqual([accepted, flushedByKernel, verdictErrors], [0, 5, 5]);
});

test("a capability that is lost after opening: nothing counts as accepted", {
  timeout: 60_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const number = nextQueue();
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const script = new URL("fixtures/lost_capability.ts", import.meta.url);
  await using child = new Child(script, { parameters: [number, 20] });
  await child.says("open");
  for (let turn = 0; turn < 20; turn++) await sender.send(`${turn}`, receiver);
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  const [, before = "", after = "", message = ""] = child.output.trim().split("\n");
  const counts = (text: string): unknown => {
    const { accepted, dropped, outstanding, flushedByKernel, verdictErrors } = JSON.parse(text);
    return [accepted, dropped, outstanding, flushedByKernel, verdictErrors];
  };
  // The kernel has them still, and lets them go with the queue.
  assert.deepEqual(counts(before), [0, 0, 20, 0, 20]);
  assert.deepEqual(counts(after), [0, 0, 0, 20, 20]);
  assert.match(message, /EPERM.*CAP_NET_ADMIN/);
  assert.deepEqual(receiver.pending, []);
});

test("runSync without time takes what a longer queue holds", { timeout: 60_000 }, async () => {
  await using stage = await scene({ receiveBuffer: 64 << 20 });
  const { queue } = stage;
  queue.setMaxLength(20_000);
  // What waits fills its socket's send buffer, so there are several.
  for (let turn = 0; turn < 15; turn++) {
    using sender = await UdpSocket.open();
    await flood({ ...stage, sender }, 200, 10);
  }
  const { packets, reason } = queue.runSync(() => Verdict.Drop, { timeout: 0 });
  assert.deepEqual([packets, reason], [3000, "timeout"]);
});

test("verdicts of one queue that another one's runSync gives leave at once", {
  timeout: 60_000,
}, async () => {
  await using held = await scene();
  await using ticking = await scene();
  await held.sender.send("held", held.receiver);
  const packets: Packet[] = [];
  held.queue.runSync((packet) => {
    packet.hold();
    packets.push(packet);
  }, { maxPackets: 1, timeout: 5000 });
  await ticking.sender.send("tick", ticking.receiver);
  ticking.queue.runSync(() => {
    packets.pop()?.accept();
    return Verdict.Accept;
  }, { maxPackets: 1, timeout: 5000 });
  // Nothing has yielded since: the kernel must have it all the same.
  assert.equal(queueStatistics(held.queue.number)?.length, 0);
});

test("the length is right when nothing is captured", { timeout: 60_000 }, async () => {
  await using stage = await scene({ copyRange: 0 });
  const { queue } = stage;
  const seen: unknown[] = [];
  const look = (packet: Packet): Verdict => {
    const { length, truncated, payload } = packet;
    seen.push([length, truncated, payload.length > 0]);
    return Verdict.Accept;
  };
  await flood(stage, 1, 1000);
  queue.runSync(look, { maxPackets: 1, timeout: 5000 });
  // While packets flow, too.
  queue.setCopyRange(20);
  await flood(stage, 1, 500);
  queue.runSync(look, { maxPackets: 1, timeout: 5000 });
  await flood(stage, 1, 300);
  queue.setCopyRange(0);
  await flood(stage, 1, 200);
  queue.runSync(look, { maxPackets: 2, timeout: 5000 });
  assert.deepEqual(seen, [
    [1028, true, false],
    [528, true, true],
    [328, true, true],
    [228, true, false],
  ]);
});
