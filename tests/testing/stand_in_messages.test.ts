// The stand-in kernel, one message at a time: what nfnetlink_queue answers, counts and lets go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NF_VERDICT, NFQA_CFG_F, QUEUE_MESSAGE } from "../../src/netlink/queue/numbers.ts";
import { encodeVerdict, encodeVerdictBatch } from "../../src/netlink/queue/verdict.ts";
import { StandInKernel } from "../../src/testing/kernel.ts";
import type { Outcome } from "../../src/testing/passage.ts";
import { udpPacket, udpText } from "../support/traffic/packets.ts";
import { QueueOwner, type Received, tagged } from "../support/queue/queue_owner.ts";

const { ACCEPT, DROP, QUEUE, REPEAT } = NF_VERDICT;
const ENOENT = 2;
const queue = 7;
const limit = { timeout: 20_000 };

const payload = udpPacket("x");

/** Ids of packets, errnos of answers and of receives. */
function briefly(received: readonly Received[]): unknown[] {
  return received.map((one) => {
    if ("packet" in one) return one.packet.id;
    return "answer" in one ? { error: one.answer.error, tag: one.answer.tag } : one.errno;
  });
}

const ends = (outcomes: readonly Outcome[]): unknown[] =>
  outcomes.map(({ verdict, cause }) => [verdict, cause]);

test("stand-in kernel: packets come in order, and go on when they are decided", limit, () => {
  const kernel = new StandInKernel();
  using owner = new QueueOwner(kernel, { number: queue });
  const passages = ["a", "b", "c"].map((text) => kernel.send(queue, { payload: udpPacket(text) }));
  assert.deepEqual(briefly(owner.read()), [1, 2, 3]);
  owner.send(
    encodeVerdict({ queue, id: 2, verdict: ACCEPT, mark: 9 }),
    encodeVerdict({ queue, id: 1, verdict: ACCEPT, payload: udpPacket("A"), priority: 3 }),
  );
  assert.deepEqual(owner.read(), [], "success is not answered");
  assert.deepEqual(kernel.waiting(queue), [3]);
  assert.deepEqual(passages.map(({ outcome }) => outcome?.cause), [
    "verdict",
    "verdict",
    undefined,
  ]);
  const [second, first] = kernel.outcomes;
  assert.deepEqual([second?.mark, first?.mark], [9, 0]);
  assert.deepEqual([udpText(second!.payload), udpText(first!.payload)], ["b", "A"]);
  assert.deepEqual(first?.changes, { priority: 3 });
});

test("stand-in kernel: each message that is refused is answered once, with its tag", limit, () => {
  const kernel = new StandInKernel();
  using owner = new QueueOwner(kernel, { number: queue });
  for (let count = 0; count < 3; count++) kernel.send(queue, { payload });
  owner.read();
  owner.send(
    tagged(encodeVerdict({ queue, id: 99, verdict: ACCEPT, sequence: 99 }), 1),
    tagged(encodeVerdict({ queue, id: 2, verdict: ACCEPT, sequence: 2 }), 2),
    tagged(encodeVerdict({ queue, id: 2, verdict: ACCEPT, sequence: 2 }), 3),
    tagged(encodeVerdict({ queue, id: 1, verdict: NF_VERDICT.STOLEN }), 4),
    tagged(encodeVerdict({ queue: 8, id: 1, verdict: ACCEPT }), 5),
  );
  assert.deepEqual(briefly(owner.read()), [
    { error: ENOENT, tag: 1 },
    { error: ENOENT, tag: 3 },
    { error: 22, tag: 4 },
    { error: 19, tag: 5 },
  ]);
  assert.deepEqual(kernel.waiting(queue), [1, 3]);
});

test("stand-in kernel: a batch is answered only when nothing of it was left", limit, () => {
  const kernel = new StandInKernel();
  using owner = new QueueOwner(kernel, { number: queue });
  for (let count = 0; count < 4; count++) kernel.send(queue, { payload });
  owner.read();
  owner.send(
    encodeVerdict({ queue, id: 1, verdict: DROP }),
    encodeVerdictBatch({ queue, id: 3, verdict: ACCEPT }),
    tagged(encodeVerdictBatch({ queue, id: 3, verdict: ACCEPT }), 7),
  );
  const [received] = owner.read();
  assert.ok(received !== undefined && "answer" in received);
  assert.deepEqual(received.answer, {
    ...{ error: ENOENT, type: QUEUE_MESSAGE.VERDICT_BATCH, sequence: 0, tag: 7 },
  });
  assert.deepEqual(ends(kernel.outcomes), [DROP, ACCEPT, ACCEPT].map((one) => [one, "verdict"]));
  assert.deepEqual(kernel.waiting(queue), [4]);
});

test("stand-in kernel: ids wrap around, and a batch goes by their signed difference", limit, () => {
  const kernel = new StandInKernel({ firstId: 0xfffffffe });
  using owner = new QueueOwner(kernel, { number: queue });
  for (let count = 0; count < 5; count++) kernel.send(queue, { payload });
  assert.deepEqual(briefly(owner.read()), [0xfffffffe, 0xffffffff, 0, 1, 2]);
  owner.send(encodeVerdictBatch({ queue, id: 0, verdict: ACCEPT }));
  assert.deepEqual(kernel.waiting(queue), [1, 2]);
});

for (const failOpen of [false, true]) {
  test(`stand-in kernel: a full queue, failOpen: ${failOpen}`, limit, () => {
    const kernel = new StandInKernel();
    using owner = new QueueOwner(kernel, { number: queue, maxLength: 2, flags: { failOpen } });
    for (let count = 0; count < 5; count++) kernel.send(queue, { payload });
    assert.deepEqual(briefly(owner.read()), [1, 2]);
    const end = [failOpen ? ACCEPT : DROP, "queue full"];
    assert.deepEqual(ends(kernel.outcomes), [end, end, end]);
    assert.equal(kernel.statistics(queue)?.queueDropped, failOpen ? 0 : 3);
    assert.equal(kernel.statistics(queue)?.idSequence, 2, "no id was used up");
    assert.equal(owner.configure({ maxLength: 3 }), 0);
    kernel.send(queue, { payload });
    assert.deepEqual(briefly(owner.read()), [3]);
  });
}

for (const reportOverruns of [false, true]) {
  test(`stand-in kernel: a full socket, reportOverruns: ${reportOverruns}`, limit, () => {
    const kernel = new StandInKernel();
    using owner = new QueueOwner(kernel, {
      ...{ number: queue, receiveBuffer: 4096, reportOverruns },
    });
    for (let count = 0; count < 100; count++) kernel.send(queue, { payload });
    const { length, userDropped, queueDropped, idSequence } = kernel.statistics(queue)!;
    assert.ok(length > 2 && length < 50, `${length} found room`);
    assert.deepEqual([length + userDropped, queueDropped, idSequence], [100, 0, 100]);
    assert.equal(owner.queue.drops(), userDropped);
    // Whoever asked for it hears of the overrun before the packets, and once.
    const received = briefly(owner.read());
    assert.deepEqual(received.slice(0, 2), reportOverruns ? [105, 1] : [1, 2]);
    assert.equal(received.length, length + (reportOverruns ? 1 : 0));
    kernel.send(queue, { payload });
    assert.deepEqual(briefly(owner.read()), [101], "the ids show the gap");
  });
}

test(
  "stand-in kernel: after an overrun that is told nothing comes until all is read",
  limit,
  () => {
    const kernel = new StandInKernel();
    using owner = new QueueOwner(kernel, {
      ...{ number: queue, receiveBuffer: 4096, reportOverruns: true },
    });
    while (owner.queue.drops() === 0) kernel.send(queue, { payload });
    const memory = kernel.receiveMemory({ slots: 1, slotSize: 512 });
    assert.equal(owner.queue.receive(memory, 0, 1), -105);
    assert.equal(owner.queue.receive(memory, 0, 1), 1);
    assert.equal(owner.queue.receive(memory, 0, 1), 1);
    const { userDropped } = kernel.statistics(queue)!;
    kernel.send(queue, { payload });
    assert.equal(
      kernel.statistics(queue)?.userDropped,
      userDropped + 1,
      "there is room, and it is shut",
    );
    owner.read();
    kernel.send(queue, { payload });
    assert.equal(owner.read().length, 1);
  },
);

test("stand-in kernel: without the capability no verdict leaves", limit, () => {
  const kernel = new StandInKernel();
  using owner = new QueueOwner(kernel, { number: queue });
  for (let count = 0; count < 3; count++) kernel.send(queue, { payload });
  owner.read();
  kernel.capable = false;
  const verdicts = [1, 2, 3].map((id) => tagged(encodeVerdict({ queue, id, verdict: ACCEPT }), id));
  assert.equal(owner.send(...verdicts), false);
  assert.equal(owner.sendInDoubt(...verdicts), false);
  assert.deepEqual(owner.read(), []);
  assert.equal(owner.configure({ maxLength: 10 }), 1);
  assert.deepEqual(kernel.waiting(queue), [1, 2, 3]);
  assert.throws(() =>
    kernel.open({
      ...{ number: 8, maxLength: undefined, receiveBuffer: 1, reportOverruns: false, flags: {} },
    }), { code: "EPERM" });
  kernel.capable = true;
});

test("stand-in kernel: a device goes down, and its packets are dropped", limit, () => {
  const kernel = new StandInKernel();
  using owner = new QueueOwner(kernel, { number: queue });
  kernel.send(queue, { payload, inDeviceIndex: 2 });
  kernel.send(queue, { payload, outDeviceIndex: 3 });
  kernel.send(queue, { payload, physicalInDeviceIndex: 2 });
  const changes = owner.queue.changes();
  kernel.takeDown(2);
  assert.notEqual(owner.queue.changes(), changes);
  assert.deepEqual(kernel.waiting(queue), [2]);
  assert.deepEqual(ends(kernel.outcomes), [[DROP, "device down"], [DROP, "device down"]]);
});

test("stand-in kernel: what a message tells of a packet", limit, () => {
  const kernel = new StandInKernel();
  using owner = new QueueOwner(kernel, { number: queue, copyRange: 20, flags: { uidGid: true } });
  const about = { mark: 5, inDeviceIndex: 2, uid: 1000, gid: 100, securityContext: "secret" };
  kernel.send(queue, { ...about, payload });
  const [received] = owner.read();
  assert.ok(received !== undefined && "packet" in received);
  assert.deepEqual(received.packet, {
    ...{ family: 2, queue, sequence: 0, id: 1, hwProtocol: 0x0800, hook: 1 },
    ...{ mark: 5, inDeviceIndex: 2, uid: 1000, gid: 100 },
    ...{ captureLength: payload.length, payload: payload.slice(0, 20) },
  });
  assert.equal(owner.configure({ flags: 0, mask: NFQA_CFG_F.UID_GID, copyMode: "meta" }), 0);
  kernel.send(queue, { payload, uid: 1000, hook: 3 });
  const [short] = owner.read();
  assert.ok(short !== undefined && "packet" in short);
  assert.deepEqual(short.packet, {
    ...{ family: 2, queue, sequence: 0, id: 2, hwProtocol: 0x0800, hook: 3 },
  });
});

test("stand-in kernel: a packet goes on to another queue, or past it", limit, () => {
  const kernel = new StandInKernel();
  using first = new QueueOwner(kernel, { number: queue });
  for (let count = 0; count < 3; count++) kernel.send(queue, { payload });
  first.read();
  const to = (number: number, bypass = 0): number => (number << 16 | bypass | QUEUE) >>> 0;
  {
    using second = new QueueOwner(kernel, { number: 8 });
    first.send(encodeVerdict({ queue, id: 1, verdict: to(8), mark: 6 }));
    const [received] = second.read();
    assert.ok(received !== undefined && "packet" in received);
    assert.deepEqual([received.packet.id, received.packet.mark], [1, 6]);
    second.send(encodeVerdict({ queue: 8, id: 1, verdict: REPEAT }));
  }
  first.send(
    encodeVerdict({ queue, id: 2, verdict: to(8) }),
    encodeVerdict({ queue, id: 3, verdict: to(8, 0x8000) }),
  );
  assert.deepEqual(ends(kernel.outcomes), [
    [REPEAT, "verdict"],
    [DROP, "no owner"],
    [ACCEPT, "no owner"],
  ]);
});

test(
  "stand-in kernel: a queue that is closed drops what waits; it can be bound anew",
  limit,
  () => {
    const kernel = new StandInKernel();
    {
      using _owner = new QueueOwner(kernel, { number: queue });
      kernel.send(queue, { payload });
      assert.throws(() => new QueueOwner(kernel, { number: queue }), { code: "EPERM" });
    }
    kernel.send(queue, { payload });
    kernel.send(queue, { payload }, { bypass: true });
    assert.deepEqual(ends(kernel.outcomes), [
      [DROP, "closed"],
      [DROP, "no owner"],
      [ACCEPT, "no owner"],
    ]);
    using owner = new QueueOwner(kernel, { number: queue });
    owner.configure({ copyMode: "none" });
    kernel.send(queue, { payload });
    assert.deepEqual(ends(kernel.outcomes).at(-1), [DROP, "copy mode"]);
  },
);
