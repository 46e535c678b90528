// Queues that come and go leave nothing behind: no descriptor, no memory.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { PacketQueue, SystemError, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { collectGarbage, residentMemory } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";

requireIsolation();

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** A queue's whole life. */
async function live(number: number, { way, sender, receiver }: {
  readonly way: number;
  readonly sender: UdpSocket;
  readonly receiver: UdpSocket;
}): Promise<void> {
  using queue = PacketQueue.open(number);
  if (way === 0) return;
  await sender.send("x", receiver);
  if (way === 1) {
    queue.runSync(() => Verdict.Accept, { maxPackets: 1 });
  } else if (way === 2) {
    const controller = new AbortController();
    const running = queue.run(() => Verdict.Accept, { signal: controller.signal });
    await receiver.take(1);
    controller.abort();
    await within(running, { what: "run to end" });
    return;
  } else {
    for await (const packet of queue) {
      packet.accept();
      break;
    }
  }
  queue.flush();
  await receiver.take(1);
}

test("queues come and go without leaving descriptors or memory", {
  timeout: 60_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const number = nextQueue();
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const round = async (): Promise<void> => {
    for (let way = 0; way < 4; way++) await live(number, { way, sender, receiver });
  };
  for (let count = 0; count < 5; count++) await round();
  await collectGarbage();
  const before = { descriptors: descriptors(), memory: residentMemory() };
  for (let count = 0; count < 50; count++) {
    await round();
    if (count % 10 === 9) await collectGarbage();
  }
  await collectGarbage();
  // The runtimes close sockets a little later than they are told to.
  await until(() => descriptors() <= before.descriptors, {
    what: `there are ${before.descriptors} descriptors again`,
  });
  // One queue's receive memory has 4 MiB: 200 of them would be 800. (The allocator of C keeps some
  // of what it was given back, however many queues follow.)
  const growth = residentMemory() - before.memory;
  assert.ok(growth < 300 << 20, `memory grew by ${growth} bytes`);
});

test("failed attempts leave no descriptors", { timeout: 30_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  assert.throws(() => PacketQueue.open(queue.number), SystemError);
  const before = descriptors();
  for (let count = 0; count < 50; count++) {
    assert.throws(() => PacketQueue.open(queue.number), SystemError);
  }
  await until(() => descriptors() <= before, { what: "no descriptor is left" });
});

test("many queues at once", { timeout: 30_000 }, async () => {
  const stack = new DisposableStack();
  using _all = stack;
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const controller = new AbortController();
  const runs: Promise<void>[] = [];
  let seen = 0;
  const first = nextQueue(40);
  for (let count = 0; count < 40; count++) {
    const queue = stack.use(PacketQueue.open(first + count, { copyRange: 100 }));
    const hop = count;
    runs.push(queue.run((packet) => {
      seen++;
      // From queue to queue, and out at the last one.
      if (hop < 39) packet.requeue(queue.number + 1);
      else packet.accept();
    }, { signal: controller.signal }));
    if (count === 0) {
      stack.use(queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) }));
    }
  }
  await sender.sendAll(["one", "two", "three"], receiver);
  assert.deepEqual(await receiver.take(3), ["one", "two", "three"]);
  assert.equal(seen, 120);
  controller.abort();
  await within(Promise.all(runs), { what: "all runs to end" });
});
