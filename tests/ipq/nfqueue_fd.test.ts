// libipq over NFQUEUE: the handle's descriptor under poll(2), and what becomes of descriptors.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  NF_ACCEPT,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from "../../src/ipq/mod.ts";
import { inheritable, isReadable, openDescriptors } from "../support/runtime/descriptors.ts";
import { forms, functions, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { collectGarbage, residentMemory } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;

for (const form of forms) {
  test(`readable exactly while there is a message, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const { handle } = traffic;
    const { fd } = handle;
    assert.ok(fd > 2);
    assert.equal(handle.fd, fd, "the same every time");
    const check = (expected: boolean, when: string): void =>
      assert.equal(isReadable(fd), expected, when);
    check(false, "before a mode");
    traffic.setMode(IPQ_COPY_PACKET);
    check(false, "after the mode");
    await traffic.send("1", "2", "3");
    for (let count = 0; count < 3; count++) {
      check(true, `packet ${count}`);
      traffic.decide(traffic.packet(), NF_ACCEPT);
    }
    check(false, "all packets are read");
    traffic.quiet();
    form.setVerdict(handle, 12345n, NF_ACCEPT);
    form.setMode(handle, 9);
    for (const errno of [2, 22]) {
      check(true, `answer ${errno}`);
      assert.equal(traffic.answer().errno, errno);
    }
    check(false, "all answers are read");
    await traffic.send("4");
    form.setVerdict(handle, 12345n, NF_ACCEPT);
    await traffic.send("5");
    for (const kind of [0x13, 2, 0x13]) {
      check(true, "a mixture");
      assert.equal(form.messageType(traffic.message()), kind);
    }
    check(false, "the mixture is read");
    form.destroy(handle);
    assert.equal(handle.fd, -1);
  });

  test(`asked for when messages wait already, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send(...texts);
    // The reads get wider: some packets have left the socket and are not read yet.
    let left = texts.length;
    for (; left > 20; left--) traffic.decide(traffic.packet(), NF_ACCEPT);
    const { fd } = traffic.handle;
    for (; left > 0; left--) {
      assert.equal(isReadable(fd), true, `${left} are left`);
      traffic.decide(traffic.packet(), NF_ACCEPT);
    }
    assert.equal(isReadable(fd), false);
    assert.deepEqual(await traffic.receiver.take(40), texts);
  });

  test(`what the other family's read comes upon, ${form.name}`, { timeout }, async () => {
    using four = await Traffic.open({ form, family: 4 });
    using six = await Traffic.open({ form, family: 6, queue: four.queue });
    four.setMode(IPQ_COPY_META);
    six.setMode(IPQ_COPY_META);
    const [fd4, fd6] = [four.handle.fd, six.handle.fd];
    assert.notEqual(fd4, fd6);
    await six.send("1", "2");
    // The socket is one: a handle may be woken for the other's packet, and finds nothing.
    assert.deepEqual([isReadable(fd4), isReadable(fd6)], [true, true]);
    four.quiet();
    for (let count = 0; count < 2; count++) {
      assert.deepEqual([isReadable(fd4), isReadable(fd6)], [false, true]);
      six.decide(six.packet(), NF_ACCEPT);
    }
    assert.deepEqual([isReadable(fd4), isReadable(fd6)], [false, false]);
    // Answers are each one's own.
    form.setVerdict(four.handle, 12345n, NF_ACCEPT);
    assert.deepEqual([isReadable(fd4), isReadable(fd6)], [true, false]);
    assert.equal(four.answer().errno, 2);
    assert.deepEqual([isReadable(fd4), isReadable(fd6)], [false, false]);
    // The other one's end changes nothing here.
    await six.send("3");
    form.destroy(four.handle);
    assert.equal(isReadable(fd6), true);
    six.decide(six.packet(), NF_ACCEPT);
    assert.equal(isReadable(fd6), false);
    assert.deepEqual(await six.receiver.take(3), ["1", "2", "3"]);
  });
}

test("no program that is started inherits a descriptor", { timeout }, async () => {
  const before = inheritable();
  using four = await Traffic.open({ family: 4 });
  using six = await Traffic.open({ family: 6, queue: four.queue });
  // The tests' own sockets, if the runtime lets them be inherited at all.
  four.receiver[Symbol.dispose]();
  const own = openDescriptors();
  four.setMode(IPQ_COPY_PACKET);
  assert.ok(four.handle.fd > 2 && six.handle.fd > 2);
  const waiting = [four, six].map(({ handle, buffer }) =>
    handle.readAsync(buffer, { timeout: 100_000 })
  );
  assert.ok(openDescriptors() > own);
  assert.deepEqual(inheritable(), before);
  assert.deepEqual(await Promise.all(waiting), [0, 0]);
});

test("1000 handles come and go: no descriptor, no memory", { timeout: 30_000 }, async () => {
  const queue = nextQueue();
  const live = (round: number): void => {
    using four = functions.create(NFPROTO_IPV4, queue);
    assert.ok(four);
    if (round % 5 === 0) {
      using six = functions.create(NFPROTO_IPV6, queue);
      assert.ok(six);
      assert.ok(six.fd > 2);
      functions.setMode(six, IPQ_COPY_META);
    }
    if (round % 2 === 0) assert.ok(four.fd > 2);
    if (round % 3 === 0) functions.setVerdict(four, 1n, NF_ACCEPT);
    if (round % 10 === 0) functions.setMode(four, IPQ_COPY_PACKET, 1000);
    assert.equal(functions.create(NFPROTO_IPV4, queue), null, "a failed one leaves nothing");
  };
  for (let round = 0; round < 50; round++) live(round);
  await collectGarbage();
  const before = { descriptors: openDescriptors(), memory: residentMemory() };
  for (let round = 0; round < 1000; round++) {
    live(round);
    if (round % 200 === 199) await collectGarbage();
  }
  assert.equal(openDescriptors(), before.descriptors);
  // Each has some 100 KB of memory for messages: 1000 would be 100 MB.
  const growth = residentMemory() - before.memory;
  assert.ok(growth < 60 << 20, `memory grew by ${growth} bytes`);
});

test("a destroyed handle is garbage", { timeout: 30_000 }, async () => {
  const queue = nextQueue();
  const handles = Array.from({ length: 50 }, () => {
    using handle = functions.create(NFPROTO_IPV4, queue);
    assert.ok(handle);
    return new WeakRef(handle);
  });
  await collectGarbage();
  const kept = handles.filter((handle) => handle.deref() !== undefined).length;
  assert.ok(kept < 10, `${kept} of 50 are still there`);
});

test("200 waits come and go: no descriptor", { timeout: 30_000 }, async () => {
  using traffic = await Traffic.open();
  using other = await Traffic.open({ family: 6, queue: traffic.queue });
  traffic.setMode(IPQ_COPY_META);
  const wait = async (): Promise<void> => {
    const both = [traffic, other].map(({ handle, buffer }) =>
      handle.readAsync(buffer, { timeout: 1000 })
    );
    assert.deepEqual(await Promise.all(both), [0, 0]);
  };
  const wake = async (): Promise<void> => {
    const reading = traffic.handle.readAsync(traffic.buffer);
    await traffic.send("woken");
    assert.equal(await reading, 112);
    functions.setVerdict(
      traffic.handle,
      functions.getPacket(traffic.buffer)!.packetId,
      NF_ACCEPT,
    );
  };
  // The first packet opens what tells of devices that change; it stays as long as the handles.
  await wake();
  for (let round = 0; round < 5; round++) await wait();
  const before = openDescriptors();
  // The runtimes close descriptors a little later than they are told to.
  const all = { what: `there are ${before} descriptors again`, state: openDescriptors };
  for (let round = 0; round < 200; round++) await wait();
  await until(() => openDescriptors() <= before, all);
  for (let round = 0; round < 100; round++) await wake();
  await until(() => openDescriptors() <= before, all);
});
