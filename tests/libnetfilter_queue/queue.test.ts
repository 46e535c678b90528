// NfqQueueHandle with real packets: verdicts, modes, flags, lengths.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  NF_ACCEPT,
  NF_DROP,
  NF_QUEUE_NR,
  NF_REPEAT,
  NF_STOLEN,
  NF_STOP,
  NF_VERDICT_FLAG_QUEUE_BYPASS,
  NFQA_CFG_F_FAIL_OPEN,
  NFQA_CFG_F_GSO,
  NFQA_CFG_F_UID_GID,
  NFQA_SKB_CSUMNOTREADY,
  NFQA_SKB_GSO,
  type NfqCallback,
  NfqHandle,
  NFQNL_COPY_META,
  NFQNL_COPY_NONE,
  NFQNL_COPY_PACKET,
  SystemError,
} from "../../src/libnetfilter_queue/mod.ts";
import { decodePacketMessage } from "../../src/netlink/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpText, withUdpText } from "../support/traffic/packets.ts";
import { queueRule, Rule, tcpTo, udpTo } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";
import { BUFFER_SIZE, packetMessage, serveOne, Serving } from "./serving.ts";

requireIsolation();

const timeout = 20_000;

/** One packet's id and text, for a callback's verdict. */
type Decide = (queue: Parameters<NfqCallback>[0], id: number, packet: Uint8Array) => number | void;

/** A queue that gets the UDP packets to one port. */
function bind(handle: NfqHandle, port: number, { decide, family = 4 }: {
  readonly decide: Decide;
  readonly family?: 4 | 6;
}) {
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    const header = data.nfq_get_msg_packet_hdr();
    assert.ok(header);
    return decide(queue, header.packetId, data.nfq_get_payload());
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  const rule = queueRule(queue.number, { family, chain: "OUTPUT", match: udpTo(port) });
  return { queue, rule, [Symbol.dispose]: () => rule[Symbol.dispose]() };
}

for (const family of [4, 6] as const) {
  test(`accept, drop, replace, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    using handle = NfqHandle.nfq_open();
    const sent: number[] = [];
    const decide: Decide = (queue, id, packet) => {
      const text = udpText(packet);
      if (text === "drop") return queue.nfq_set_verdict(id, NF_DROP);
      if (text === "stop") return queue.nfq_set_verdict(id, NF_STOP);
      const replaced = /^replace/.test(text) ? withUdpText(packet, text.slice(8)) : undefined;
      sent.push(queue.nfq_set_verdict(id, NF_ACCEPT, replaced));
    };
    using _bound = bind(handle, receiver.port, { decide, family });
    await using _serving = new Serving(handle);
    const texts = ["accept", "drop", "stop", "replace odd", "replace even", "replace ", "end"];
    await receiver.sendAll(texts, receiver);
    const expected = ["accept", "stop", "odd", "even", "", "end"];
    assert.deepEqual(await receiver.take(6), expected);
    assert.ok(sent.every((bytes) => bytes >= 32), String(sent));
  });
}

test("marks: host order, network order, with a replaced packet", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const decide: Decide = (queue, id, packet) => {
    const text = udpText(packet);
    if (text === "host") return queue.nfq_set_verdict2(id, NF_ACCEPT, 0x01020304);
    if (text === "host, replace") {
      return queue.nfq_set_verdict2(id, NF_ACCEPT, 0xfedcba98, withUdpText(packet, "replaced"));
    }
    if (text === "network") return queue.nfq_set_verdict_mark(id, NF_ACCEPT, 0x05060708);
    return queue.nfq_set_verdict_mark(id, NF_ACCEPT, 0x0a0b0c0d, withUdpText(packet, "again"));
  };
  const table = { table: "mangle", chain: "OUTPUT" };
  const number = nextQueue();
  const queue = handle.nfq_create_queue(number, (queue, _message, data) => {
    const id = data.nfq_get_msg_packet_hdr()?.packetId ?? 0;
    return decide(queue, id, data.nfq_get_payload());
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  const match = udpTo(receiver.port);
  using _rule = queueRule(number, { ...table, match });
  const counter = (mark: string): Rule =>
    new Rule({
      ...{ table: "mangle", chain: "POSTROUTING" },
      match: [...match, "-m", "mark", "--mark", mark],
    });
  using host = counter("0x01020304");
  using replaced = counter("0xfedcba98");
  using network = counter("0x08070605");
  using again = counter("0x0d0c0b0a");
  await using _serving = new Serving(handle);
  await receiver.sendAll(["host", "host, replace", "network", "network, replace"], receiver);
  assert.deepEqual(await receiver.take(4), ["host", "replaced", "network", "again"]);
  assert.deepEqual([host, replaced, network, again].map(({ packets }) => packets), [1, 1, 1, 1]);
});

test("batches decide about everything up to an id", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const ids: number[] = [];
  using bound = bind(handle, receiver.port, { decide: (_queue, id) => void ids.push(id) });
  using marked = new Rule({
    ...{ table: "mangle", chain: "POSTROUTING" },
    match: [...udpTo(receiver.port), "-m", "mark", "--mark", "0x77"],
  });
  await using _serving = new Serving(handle);
  const texts = Array.from({ length: 9 }, (_, index) => `${index}`);
  await receiver.sendAll(texts, receiver);
  await until(() => ids.length === 9, { what: "all are there" });
  await delay(20);
  assert.deepEqual(receiver.pending, []);
  bound.queue.nfq_set_verdict_batch(ids[2] ?? 0, NF_ACCEPT);
  assert.deepEqual(await receiver.take(3), texts.slice(0, 3));
  bound.queue.nfq_set_verdict_batch(ids[4] ?? 0, NF_DROP);
  bound.queue.nfq_set_verdict_batch2(ids[7] ?? 0, NF_ACCEPT, 0x77);
  assert.deepEqual(await receiver.take(3), texts.slice(5, 8));
  assert.equal(marked.packets, 3);
  bound.queue.nfq_set_verdict(ids[8] ?? 0, NF_ACCEPT);
  assert.deepEqual(await receiver.take(1), ["8"]);
});

test("to another queue of the same handle, with and without bypass; repeat", {
  timeout,
}, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const absent = nextQueue();
  const seen: string[] = [];
  const second = handle.nfq_create_queue(nextQueue(), (queue, message, data) => {
    assert.equal(queue, second);
    assert.deepEqual(message, { family: 2, version: 0, resourceId: second.number });
    const text = udpText(data.nfq_get_payload());
    seen.push(`second ${text}`);
    return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
  });
  second.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  let repeated = false;
  const decide: Decide = (queue, id, packet) => {
    const text = udpText(packet);
    seen.push(`first ${text}`);
    if (text === "on") return queue.nfq_set_verdict(id, NF_QUEUE_NR(second.number));
    if (text === "lost") return queue.nfq_set_verdict(id, NF_QUEUE_NR(absent));
    if (text === "bypass") {
      return queue.nfq_set_verdict(id, NF_QUEUE_NR(absent) | NF_VERDICT_FLAG_QUEUE_BYPASS);
    }
    const verdict = repeated ? NF_ACCEPT : NF_REPEAT;
    repeated = true;
    return queue.nfq_set_verdict(id, verdict);
  };
  using _bound = bind(handle, receiver.port, { decide });
  await using _serving = new Serving(handle);
  await receiver.sendAll(["on", "lost", "bypass", "repeat"], receiver);
  assert.deepEqual((await receiver.take(3)).sort(), ["bypass", "on", "repeat"]);
  const expected = ["first bypass", "first lost", "first on", "first repeat", "first repeat"];
  assert.deepEqual(seen.sort(), [...expected, "second on"]);
});

test("modes and copy ranges", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const lengths: number[] = [];
  const decide: Decide = (queue, id, packet) => {
    lengths.push(packet.length);
    return queue.nfq_set_verdict(id, NF_ACCEPT);
  };
  using bound = bind(handle, receiver.port, { decide });
  await using _serving = new Serving(handle);
  const text = "x".repeat(100);
  const cases = [
    [NFQNL_COPY_PACKET, 0xffff, 128],
    [NFQNL_COPY_PACKET, 0, 128],
    [NFQNL_COPY_PACKET, 33, 33],
    [NFQNL_COPY_META, 0, 0],
  ] as const;
  for (const [mode, range] of cases) {
    bound.queue.nfq_set_mode(mode, range);
    await receiver.send(text, receiver);
    // Whatever was copied, what goes on is whole.
    assert.deepEqual(await receiver.take(1), [text]);
  }
  assert.deepEqual(lengths, cases.map(([, , length]) => length));
  bound.queue.nfq_set_mode(NFQNL_COPY_NONE, 0);
  await receiver.send("lost", receiver).catch(() => {});
  await delay(20);
  assert.deepEqual(receiver.pending, []);
});

test("queue length and fail-open", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const ids: number[] = [];
  using bound = bind(handle, receiver.port, { decide: (_queue, id) => void ids.push(id) });
  bound.queue.nfq_set_queue_maxlen(1);
  await receiver.send("waits", receiver);
  await receiver.send("dropped", receiver).catch(() => {});
  bound.queue.nfq_set_queue_flags(NFQA_CFG_F_FAIL_OPEN, NFQA_CFG_F_FAIL_OPEN);
  await receiver.send("passes", receiver);
  assert.deepEqual(await receiver.take(1), ["passes"]);
  bound.queue.nfq_set_queue_flags(NFQA_CFG_F_FAIL_OPEN, 0);
  await receiver.send("dropped", receiver).catch(() => {});
  assert.equal(serveOne(handle), 0);
  assert.equal(ids.length, 1);
  bound.queue.nfq_set_verdict(ids[0] ?? 0, NF_ACCEPT);
  assert.deepEqual(await receiver.take(1), ["waits"]);
});

test("flags: users and groups, packets uncut; an unknown one is refused", { timeout }, async () => {
  await using server = await TcpEchoServer.open();
  using handle = NfqHandle.nfq_open();
  handle.nfq_nfnlh().nfnl_rcvbufsiz(8 << 20);
  let uid: number | undefined;
  let longest = 0;
  let bits = 0;
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    uid ??= data.nfq_get_uid();
    longest = Math.max(longest, data.nfq_get_payload().length);
    bits |= data.nfq_get_skbinfo();
    return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
  });
  const flags = NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID;
  queue.nfq_set_queue_flags(flags, flags);
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  assert.throws(() => queue.nfq_set_queue_flags(0x80000000, 0x80000000), (error) => {
    assert.ok(error instanceof SystemError);
    assert.equal(`${error.syscall} ${error.code}`, "nfq_set_queue_flags EOPNOTSUPP");
    return true;
  });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
  await using _serving = new Serving(handle);
  using client = await TcpClient.open(server.port);
  const text = "x".repeat(200_000);
  assert.equal((await client.ask(text)).length, text.length);
  assert.notEqual(uid, undefined);
  assert.ok(longest > 1500, `${longest} bytes`);
  assert.equal(bits & (NFQA_SKB_GSO | NFQA_SKB_CSUMNOTREADY), 3);
});

test("requests lose no packet that is in their way, and find their answer", {
  timeout,
}, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const decide: Decide = (queue, id) => queue.nfq_set_verdict(id, NF_ACCEPT);
  using bound = bind(handle, receiver.port, { decide });
  using other = NfqHandle.nfq_open();
  const taken = other.nfq_create_queue(nextQueue(), null);
  const requests: (() => unknown)[] = [
    () => bound.queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff),
    () => bound.queue.nfq_set_queue_maxlen(100),
    () => bound.queue.nfq_set_queue_flags(1, 0),
    () => handle.nfq_bind_pf(2),
    () => handle.nfq_unbind_pf(2),
    () => handle.nfq_create_queue(nextQueue(), null).nfq_destroy_queue(),
    () => assert.throws(() => handle.nfq_create_queue(taken.number, null), /EPERM/),
    () => assert.throws(() => bound.queue.nfq_set_queue_flags(1 << 30, 1 << 30), /EOPNOTSUPP/),
    // And a complaint of the kernel among them.
    () => bound.queue.nfq_set_verdict(0xffff, NF_ACCEPT),
    () => bound.queue.nfq_set_queue_maxlen(101),
  ];
  const texts = requests.map((_, index) => `${index} ${"x".repeat(index * 2001)}`);
  for (const [index, request] of requests.entries()) {
    await receiver.send(texts[index] ?? "", receiver);
    request();
  }
  await using serving = new Serving(handle);
  assert.deepEqual(await receiver.take(texts.length), texts);
  assert.deepEqual(serving.results.filter((result) => result !== 0), [-1]);
  assert.equal(serving.results.length, texts.length + 1);
});

test("a request wakes whoever waits for what it took from the socket", { timeout }, async () => {
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), null);
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  const buffer = new Uint8Array(BUFFER_SIZE);
  for (let round = 0; round < 20; round++) {
    const waiting = handle.receiveAsync(buffer);
    await delay(5);
    // In one turn, so that the request is first to look: the complaint is in the socket at once.
    queue.nfq_set_verdict(0xffff, NF_ACCEPT);
    queue.nfq_set_queue_maxlen(100 + round);
    const length = await within(waiting, { what: "the receiver to wake" });
    assert.equal(handle.nfq_handle_packet(buffer, length), -1);
  }
});

test("requests in the middle of a flood lose nothing and find their answers", {
  timeout: 40_000,
}, async () => {
  const packets = 20_000;
  using handle = NfqHandle.nfq_open();
  handle.nfq_nfnlh().nfnl_rcvbufsiz(16 << 20);
  const ids: number[] = [];
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    const id = data.nfq_get_msg_packet_hdr()?.packetId ?? 0;
    ids.push(id);
    return queue.nfq_set_verdict(id, NF_DROP);
  });
  queue.nfq_set_queue_maxlen(packets);
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  using receiver = await UdpSocket.open();
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await using flood = new Child(new URL("../scenarios/fixtures/flood.ts", import.meta.url), {
    parameters: [receiver.port, packets],
  });
  await using serving = new Serving(handle);
  let requests = 0;
  const end = flood.end(30_000);
  const timer = setInterval(() => {
    for (let count = 0; count < 20; count++) {
      queue.nfq_set_queue_maxlen(packets + ++requests);
      assert.throws(() => queue.nfq_set_queue_flags(1 << 30, 1 << 30), /EOPNOTSUPP/);
    }
  }, 1);
  try {
    assert.deepEqual(await end, { code: 0, signal: null });
    await until(() => ids.length >= packets, { what: "all came", state: () => ids.length });
  } finally {
    clearInterval(timer);
  }
  assert.ok(requests > 100, `only ${requests} requests`);
  assert.deepEqual(ids, Array.from({ length: packets }, (_, index) => index + 1));
  assert.ok(serving.results.every((result) => result === 0));
});

test("without a callback nfq_handle_packet has nothing to call", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), null);
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await receiver.sendAll(["one", "two"], receiver);
  queue.nfq_set_queue_maxlen(100);
  await receiver.send("three", receiver);
  const buffer = new Uint8Array(BUFFER_SIZE);
  for (const text of ["one", "two", "three"]) {
    const length = handle.receive(buffer, { timeout: 5000 });
    assert.equal(handle.nfq_handle_packet(buffer, length), -1);
    const { id, payload } = decodePacketMessage(buffer.subarray(0, length));
    assert.equal(udpText(payload ?? new Uint8Array()), text);
    queue.nfq_set_verdict(id, NF_ACCEPT);
    assert.deepEqual(await receiver.take(1), [text]);
  }
});

test("the kernel's complaint about a verdict: -1, and no harm to later calls", {
  timeout,
}, () => {
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), () => assert.fail("no packet"));
  queue.nfq_set_verdict(1, NF_ACCEPT);
  assert.equal(serveOne(handle), -1);
  queue.nfq_set_verdict(1, NF_STOLEN);
  assert.equal(serveOne(handle), -1);
  for (let count = 0; count < 3; count++) queue.nfq_set_verdict(7, NF_ACCEPT);
  queue.nfq_set_queue_maxlen(10);
  queue.nfq_set_verdict(7, NF_ACCEPT);
  queue.nfq_destroy_queue();
  for (let count = 0; count < 4; count++) assert.equal(serveOne(handle), -1);
  assert.equal(handle.receive(new Uint8Array(BUFFER_SIZE), { timeout: 0 }), undefined);
});

test("messages of a queue that is not this handle's: -1", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), () => 0);
  assert.equal(handle.nfq_handle_packet(packetMessage(queue.number)), 0);
  assert.equal(handle.nfq_handle_packet(packetMessage(queue.number ^ 0x4000)), -1);
  assert.equal(handle.nfq_handle_packet(new Uint8Array()), 0);
});
