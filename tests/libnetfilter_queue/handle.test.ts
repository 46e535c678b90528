// NfqHandle: opening, closing, receiving, what it refuses.

import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  HandleClosedError,
  NF_ACCEPT,
  NfnlHandle,
  nfq_errno,
  NfqHandle,
  NFQNL_COPY_PACKET,
  NlifHandle,
  SystemError,
} from "../../src/libnetfilter_queue/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";
import { BUFFER_SIZE, packetMessage, serveOne, Serving } from "./serving.ts";

requireIsolation();

const timeout = 20_000;

/** Whether this descriptor is a socket; false once it is closed. */
function isSocket(descriptor: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false;
  }
}

function hasErrno(code: string, syscall: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SystemError, String(error));
    assert.equal(`${error.syscall} ${error.code}`, `${syscall} ${code}`);
    return true;
  };
}

test("a handle has a socket that children do not inherit, until it is closed", { timeout }, () => {
  const handle = NfqHandle.nfq_open();
  const descriptor = handle.nfq_fd();
  assert.ok(isSocket(descriptor));
  const flags = /^flags:\s*0*([0-7]+)$/m.exec(
    readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"),
  )?.[1];
  assert.equal(parseInt(flags ?? "", 8) & 0o2000000, 0o2000000);
  const netlink = handle.nfq_nfnlh();
  assert.equal(handle.nfq_nfnlh(), netlink);
  assert.equal(netlink.nfnl_fd(), descriptor);
  assert.equal(netlink.nfnl_rcvbufsiz(300_000), 600_000);
  assert.equal(netlink.closed, false);
  assert.throws(() => netlink.nfnl_close(), /belongs to an NfqHandle/);
  assert.equal(handle.closed, false);
  handle.nfq_close();
  handle.nfq_close();
  handle[Symbol.dispose]();
  assert.equal(isSocket(descriptor), false);
  assert.equal(handle.closed, true);
  assert.equal(netlink.closed, true);
});

test("after it is closed every use throws", { timeout }, async () => {
  const handle = NfqHandle.nfq_open();
  const netlink = handle.nfq_nfnlh();
  const queue = handle.nfq_create_queue(nextQueue(), () => {});
  handle.nfq_close();
  const bytes = new Uint8Array(1000);
  const uses: (() => unknown)[] = [
    () => handle.nfq_fd(),
    () => handle.nfq_nfnlh(),
    () => handle.nfq_bind_pf(2),
    () => handle.nfq_unbind_pf(2),
    () => handle.nfq_create_queue(1, null),
    () => handle.nfq_handle_packet(bytes),
    () => handle.receive(bytes),
    () => handle.send(bytes),
    () => netlink.nfnl_fd(),
    () => netlink.nfnl_rcvbufsiz(1000),
    () => queue.nfq_set_mode(1, 0),
    () => queue.nfq_set_queue_flags(1, 1),
    () => queue.nfq_set_queue_maxlen(1),
    () => queue.nfq_set_verdict(1, NF_ACCEPT),
    () => queue.nfq_set_verdict2(1, NF_ACCEPT, 1),
    () => queue.nfq_set_verdict_mark(1, NF_ACCEPT, 1),
    () => queue.nfq_set_verdict_batch(1, NF_ACCEPT),
    () => queue.nfq_set_verdict_batch2(1, NF_ACCEPT, 1),
  ];
  for (const use of uses) assert.throws(use, HandleClosedError, String(use));
  await assert.rejects(handle.receiveAsync(bytes), HandleClosedError);
  assert.equal(queue.closed, true);
  queue.nfq_destroy_queue();
  queue[Symbol.dispose]();
});

test("over a netlink socket of one's own, which it takes over", { timeout }, async () => {
  const netlink = NfnlHandle.nfnl_open();
  const descriptor = netlink.nfnl_fd();
  assert.ok(netlink.nfnl_rcvbufsiz(100_000) >= 100_000);
  using handle = NfqHandle.nfq_open_nfnl(netlink);
  assert.equal(handle.nfq_fd(), descriptor);
  assert.equal(handle.nfq_nfnlh(), netlink);
  assert.throws(() => NfqHandle.nfq_open_nfnl(netlink), HandleClosedError);
  assert.throws(() => netlink.nfnl_close(), TypeError);
  netlink[Symbol.dispose]();
  assert.ok(isSocket(descriptor));

  using receiver = await UdpSocket.open();
  const number = nextQueue();
  const queue = handle.nfq_create_queue(number, (queue, _message, data) => {
    return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await receiver.send("hello", receiver);
  assert.equal(serveOne(handle), 0);
  assert.deepEqual(await receiver.take(1), ["hello"]);
  handle.nfq_close();
  assert.equal(netlink.closed, true);
  assert.equal(isSocket(descriptor), false);
});

test("a netlink socket of one's own without a handle", { timeout }, () => {
  const netlink = NfnlHandle.nfnl_open();
  const descriptor = netlink.nfnl_fd();
  {
    using _netlink = netlink;
  }
  netlink.nfnl_close();
  assert.equal(isSocket(descriptor), false);
  assert.equal(netlink.closed, true);
  assert.throws(() => netlink.nfnl_fd(), HandleClosedError);
  assert.throws(() => NfqHandle.nfq_open_nfnl(netlink), HandleClosedError);
  assert.throws(() => NfqHandle.nfq_open_nfnl({} as NfnlHandle), TypeError);
});

test("binding and unbinding a protocol family succeeds, as kernels do nothing", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  for (const family of [2, 10]) {
    handle.nfq_unbind_pf(family);
    handle.nfq_bind_pf(family);
  }
});

test("a queue has one owner", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  using other = NfqHandle.nfq_open();
  const number = nextQueue();
  const queue = handle.nfq_create_queue(number, () => {});
  assert.ok(ownedQueues().has(number));
  assert.throws(
    () => handle.nfq_create_queue(number, null),
    hasErrno("EEXIST", "nfq_create_queue"),
  );
  const create = () => other.nfq_create_queue(number, null);
  assert.throws(create, hasErrno("EPERM", "nfq_create_queue"));
  assert.throws(create, new RegExp(`CAP_NET_ADMIN, or queue ${number} has an owner`));
  queue.nfq_destroy_queue();
  queue.nfq_destroy_queue();
  assert.ok(!ownedQueues().has(number));
  assert.equal(create().number, number);
  assert.ok(ownedQueues().has(number));
  other.nfq_close();
  assert.ok(!ownedQueues().has(number));
});

test("wrong arguments are refused before C sees them", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), null);
  const bytes = packetMessage(queue.number);
  // deno-lint-ignore no-explicit-any -- what a program in JavaScript may pass
  const wrong = (value: unknown): any => value;
  const range: (() => unknown)[] = [
    () => handle.nfq_create_queue(65536, null),
    () => handle.nfq_create_queue(-1, null),
    () => handle.nfq_bind_pf(1.5),
    () => handle.nfq_handle_packet(bytes, bytes.length + 1),
    () => handle.nfq_handle_packet(bytes, -1),
    () => handle.nfq_handle_packet(bytes, NaN),
    () => handle.receive(new Uint8Array(255)),
    () => handle.send(new Uint8Array(15)),
    () => handle.receive(new Uint8Array(256), { timeout: -1 }),
    () => handle.nfq_nfnlh().nfnl_rcvbufsiz(2 ** 31),
    () => queue.nfq_set_mode(3, 0),
    () => queue.nfq_set_mode(2, 2 ** 32),
    () => queue.nfq_set_queue_flags(-1, 0),
    () => queue.nfq_set_queue_maxlen(Infinity),
    () => queue.nfq_set_verdict(-1, 1),
    () => queue.nfq_set_verdict(1, 2 ** 32),
    () => queue.nfq_set_verdict(1, 1, new Uint8Array(65532)),
    () => queue.nfq_set_verdict2(1, 1, 2 ** 32),
    () => queue.nfq_set_verdict_mark(1, 1, 0.5),
    () => queue.nfq_set_verdict_batch(2 ** 32, 1),
    () => queue.nfq_set_verdict_batch2(1, 1, -1),
  ];
  for (const use of range) assert.throws(use, RangeError, String(use));
  const type: (() => unknown)[] = [
    () => handle.nfq_create_queue(wrong("1"), null),
    () => handle.nfq_create_queue(1, wrong(undefined)),
    () => handle.nfq_handle_packet(wrong([1, 2])),
    () => handle.nfq_handle_packet(wrong(null)),
    () => handle.receive(wrong(new ArrayBuffer(1000))),
    () => handle.receive(wrong(new Uint8Array(new SharedArrayBuffer(1000)))),
    () => queue.nfq_set_verdict(wrong(1n), 1),
    () => queue.nfq_set_verdict(1, 1, wrong("payload")),
  ];
  for (const use of type) assert.throws(use, TypeError, String(use));
});

test(
  "receive: nothing there, then a packet; too small a buffer loses it",
  { timeout },
  async () => {
    using receiver = await UdpSocket.open();
    using handle = NfqHandle.nfq_open();
    const queue = handle.nfq_create_queue(nextQueue(), null);
    queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const buffer = new Uint8Array(BUFFER_SIZE);
    assert.equal(handle.receive(buffer, { timeout: 0 }), undefined);
    const start = performance.now();
    assert.equal(handle.receive(buffer, { timeout: 60 }), undefined);
    assert.ok(performance.now() - start >= 50);
    await receiver.send("hello", receiver);
    const length = handle.receive(buffer) ?? 0;
    assert.equal(new DataView(buffer.buffer).getUint32(0, true), length);
    // No callback: the program is on its own, as in C.
    assert.equal(handle.nfq_handle_packet(buffer, length), -1);
    queue.nfq_set_verdict(1, NF_ACCEPT);
    assert.deepEqual(await receiver.take(1), ["hello"]);
    await receiver.send("x".repeat(1000), receiver);
    const small = new Uint8Array(256);
    assert.throws(() => handle.receive(small), hasErrno("EMSGSIZE", "recv"));
    assert.equal(handle.receive(small, { timeout: 0 }), undefined);
  },
);

test("receiveAsync: packets, abort, one at a time, closing", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  for (let round = 0; round < 3; round++) {
    await using _serving = new Serving(handle);
    const texts = Array.from({ length: 50 }, (_, index) => `packet ${round} ${index}`);
    await receiver.sendAll(texts, receiver);
    assert.deepEqual(await receiver.take(texts.length), texts);
  }
  const buffer = new Uint8Array(BUFFER_SIZE);
  await assert.rejects(
    handle.receiveAsync(buffer, { signal: AbortSignal.abort(new Error("before")) }),
    /before/,
  );
  const controller = new AbortController();
  const aborted = handle.receiveAsync(buffer, { signal: controller.signal });
  await delay(20);
  await assert.rejects(handle.receiveAsync(buffer), /one at a time/);
  controller.abort(new Error("while waiting"));
  await assert.rejects(within(aborted, { what: "the abort" }), /while waiting/);

  // What comes while nobody waits is not lost.
  await receiver.send("between", receiver);
  await delay(20);
  assert.equal(serveOne(handle), 0);
  assert.deepEqual(await receiver.take(1), ["between"]);

  const waiting = handle.receiveAsync(buffer);
  await delay(20);
  handle.nfq_close();
  await assert.rejects(within(waiting, { what: "the end" }), HandleClosedError);
});

test("options of receive that are none", { timeout }, async () => {
  using handle = NfqHandle.nfq_open();
  const buffer = new Uint8Array(BUFFER_SIZE);
  const none = {
    name: "TypeError",
    message: /^(options must be an object|signal must be an Abort)/,
  };
  assert.throws(() => handle.receive(buffer, null as never), none);
  for (const options of [null, { signal: {} }, { signal: Object.create(AbortSignal.prototype) }]) {
    await assert.rejects(handle.receiveAsync(buffer, options as never), none);
  }
});

test("receiveAsync lets timers have their turn however much comes", { timeout }, async () => {
  using handle = NfqHandle.nfq_open();
  handle.nfq_nfnlh().nfnl_rcvbufsiz(8 << 20);
  const queue = handle.nfq_create_queue(nextQueue(), null);
  // Each is answered with a complaint: there is no such packet.
  for (let id = 1; id <= 900; id++) queue.nfq_set_verdict(id, NF_ACCEPT);
  await using serving = new Serving(handle);
  let atTurn = 0;
  setImmediate(() => atTurn = serving.results.length);
  await until(() => serving.results.length === 900, { what: "all came" });
  assert.ok(atTurn > 0 && atTurn < 900, `${atTurn} before the first turn`);
});

test("an overrun socket says so once and goes on", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  handle.nfq_nfnlh().nfnl_rcvbufsiz(4096);
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await receiver.sendAll(Array.from({ length: 100 }, () => "x".repeat(500)), receiver);
  const buffer = new Uint8Array(BUFFER_SIZE);
  assert.throws(() => handle.receive(buffer), hasErrno("ENOBUFS", "recv"));
  let handled = 0;
  for (let length; (length = handle.receive(buffer, { timeout: 0 })) !== undefined; handled++) {
    assert.equal(handle.nfq_handle_packet(buffer, length), 0);
  }
  assert.ok(handled > 0 && handled < 100, `${handled} handled`);
  await receiver.take(handled);
});

test("device names", { timeout }, () => {
  using names = NlifHandle.nlif_open();
  assert.equal(names.nlif_index2name(1), undefined);
  names.nlif_query();
  names.nlif_query();
  assert.equal(names.nlif_index2name(1), "lo");
  assert.equal(names.nlif_index2name(0), "*");
  assert.equal(names.nlif_index2name(0xffffffff), undefined);
  assert.throws(() => names.nlif_index2name(-1), RangeError);
  names.nlif_close();
  names.nlif_close();
  assert.equal(names.closed, true);
  assert.throws(() => names.nlif_query(), HandleClosedError);
  assert.throws(() => names.nlif_index2name(1), HandleClosedError);
});

test("the variable nfq_errno", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  using other = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), null);
  assert.throws(() => other.nfq_create_queue(queue.number, null), SystemError);
  // C leaves there what its request gave, and that is -1.
  assert.equal(nfq_errno(), -1);
});
