// Receive memory is the library's: what a program is handed is one packet's bytes, a held packet costs
// its own size, and nobody who takes bytes away hurts the queue.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { Child, collectGarbage, residentMemory } from "../../support/runtime/child.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const fixture = new URL("fixtures/taken_bytes.ts", import.meta.url);

for (const way of ["post", "clone", "shrink", "write", "keep"]) {
  test(`bytes that a program takes away hurt nobody: ${way}`, { timeout: 60_000 }, async () => {
    const count = 3000;
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    const number = nextQueue();
    using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    await using child = new Child(fixture, {
      parameters: [number, receiver.port, count, way],
    });
    await child.says("open");
    // As many under way as the queue of a socket takes for certain.
    for (let sent = 0; sent < count; sent += 50) {
      await sender.sendAll(Array.from({ length: 50 }, (_, index) => `${sent + index}`), receiver);
      await receiver.take(50);
    }
    assert.deepEqual(await child.end(30_000), { code: 0, signal: null }, child.errors);
    const [, result = ""] = child.output.trim().split("\n");
    const expected = { accepted: count, outstanding: 0, verdictErrors: 0, written: 0 };
    assert.deepEqual(JSON.parse(result), expected, "and the kernel wrote into nothing of it");
  });
}

test("what is cloned or transferred is one packet's bytes", { timeout: 30_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.sendAll(["one", "two"], receiver);
  const buffers: ArrayBufferLike[] = [];
  const { packets } = queue.runSync((packet) => {
    const { ipv4, udp, payload } = packet;
    for (const bytes of [payload, udp!.payload, ipv4!.payload, ipv4!.sourceBytes]) {
      assert.ok(bytes.buffer.byteLength <= packet.length, `${bytes.buffer.byteLength} bytes`);
      buffers.push(structuredClone(bytes).buffer);
    }
    return Verdict.Accept;
  }, { maxPackets: 2, timeout: 5000 });
  assert.equal(packets, 2);
  assert.ok(buffers.every(({ byteLength }) => byteLength <= 31));
  assert.deepEqual(await receiver.take(2), ["one", "two"]);
});

test("bytes that were handed out stay that packet's", { timeout: 30_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { batchSize: 1 });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const words = Array.from({ length: 40 }, (_, index) => `word ${index}`);
  await sender.sendAll(words, receiver);
  const kept: Uint8Array[] = [];
  queue.runSync((packet) => {
    kept.push(packet.udp!.payload);
    return Verdict.Accept;
  }, { maxPackets: words.length, timeout: 5000 });
  assert.deepEqual(kept.map((bytes) => new TextDecoder().decode(bytes)), words);
});

/** Sends small packets and, among them, those that are to be held; gives back what was held. */
async function holdAmongOthers(
  queue: PacketQueue,
  { sender, receiver, held, size }: {
    readonly sender: UdpSocket;
    readonly receiver: UdpSocket;
    readonly held: number;
    readonly size: number;
  },
): Promise<Packet[]> {
  const packets: Packet[] = [];
  const big = new Uint8Array(size).fill(7);
  for (let turn = 0; turn < held; turn++) {
    // A socket of its own each: what is held fills a socket's send buffer.
    using own = await UdpSocket.open();
    await own.send(big, receiver);
    for (let other = 0; other < 70; other++) await sender.send("other", receiver);
    queue.runSync((packet) => {
      if (packet.udp!.payload.length !== size) return Verdict.Drop;
      // A program that looked at the bytes has the same claim to a small packet.
      assert.equal(packet.payload[28], 7);
      packet.hold();
      packets.push(packet);
    }, { maxPackets: 71, timeout: 5000 });
  }
  return packets;
}

test("held packets cost their own size, not that of what came with them", {
  timeout: 120_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await holdAmongOthers(queue, { sender, receiver, held: 2, size: 60_000 });
  await collectGarbage();
  const before = residentMemory();
  const held = await holdAmongOthers(queue, { sender, receiver, held: 223, size: 60_000 });
  assert.equal(held.length, 223);
  await collectGarbage();
  const growth = residentMemory() - before;
  // They have 13 MB.
  assert.ok(growth < 64 << 20, `223 packets of 60,000 bytes cost ${growth} bytes`);
  // They are whole, can be edited, and go on in any order.
  held.forEach((packet, index) => {
    assert.equal(packet.udp!.payload.length, 60_000);
    if (index % 2 === 0) packet.udp!.payload = new TextEncoder().encode(`edited ${index}`);
    else packet.drop();
  });
  for (let index = held.length - 1; index >= 0; index -= 2) {
    held[index]!.accept();
    queue.flush();
    // One by one: an edited packet takes as much of the receiver's buffer as it came with.
    assert.deepEqual(await receiver.take(1), [`edited ${index}`]);
  }
});

test(
  "an edit that was begun goes along when a held packet moves",
  { timeout: 60_000 },
  async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue(), { batchSize: 1 });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const edits: ((packet: Packet) => void)[] = [
      () => {},
      (packet) => void (packet.ipv4!.ttl = 9),
      // Into the room behind it, out of it, and shorter.
      (packet) => void (packet.udp!.payload = new Uint8Array(300).fill(0x61)),
      (packet) => void (packet.udp!.payload = new Uint8Array(30_000).fill(0x61)),
      (packet) => void (packet.udp!.payload = new Uint8Array(1).fill(0x61)),
      (packet) => packet.replacePayload(packet.payload.slice()),
      (packet) => void packet.udp!.checksum,
    ];
    await sender.sendAll(edits.map((_, index) => `packet ${index}`), receiver);
    const held: { readonly packet: Packet; readonly bytes: string; readonly json: string }[] = [];
    queue.runSync((packet) => {
      edits[held.length]!(packet);
      packet.hold();
      held.push({ packet, bytes: `${packet.payload}`, json: JSON.stringify(packet) });
    }, { maxPackets: edits.length, timeout: 5000 });
    // More arenas of one slot than a queue keeps.
    for (let other = 0; other < 40; other++) {
      await sender.send("other", receiver);
      queue.runSync((packet) => packet.hold(), { maxPackets: 1, timeout: 5000 });
    }
    for (const { packet, bytes, json } of held) {
      assert.equal(`${packet.payload}`, bytes);
      assert.equal(JSON.stringify(packet), json);
      packet.udp!.payload = new TextEncoder().encode(`still ${packet.udp!.payload.length}`);
      packet.accept();
    }
    queue.flush();
    assert.deepEqual(
      await receiver.take(edits.length),
      [8, 8, 300, 30_000, 1, 8, 8].map((length) => `still ${length}`),
    );
  },
);

test("a program's own methods of typed arrays see none of the library's memory", {
  timeout: 30_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { batchSize: 1 });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const count = 40;
  await sender.sendAll(Array.from({ length: count }, () => "word"), receiver);
  // A slot of receive memory, and what verdicts are gathered in, are larger than any packet here.
  const seen: string[] = [];
  const look = (name: string, bytes: unknown): void => {
    if (!(bytes instanceof Uint8Array) || bytes.buffer.byteLength < 60_000) return;
    seen.push(`${name}: ${new Error().stack?.split("\n").slice(3, 4).join()}`);
  };
  const prototype = Object.getPrototypeOf(Uint8Array.prototype);
  const real = Object.getOwnPropertyDescriptors(prototype);
  const restore: (() => void)[] = [];
  for (const name of ["subarray", "slice", "set", "copyWithin", "indexOf"]) {
    const own = real[name]!;
    restore.push(() => Object.defineProperty(prototype, name, own));
    Object.defineProperty(prototype, name, {
      ...own,
      value(this: unknown, ...words: unknown[]): unknown {
        look(name, this);
        look(name, words[0]);
        return own.value.apply(this, words);
      },
    });
  }
  try {
    const held: Packet[] = [];
    queue.runSync((packet) => {
      packet.udp!.payload = new Uint8Array(held.length === 0 ? 3000 : 30);
      const texts = [packet.toString(), packet.inspect(), JSON.stringify(packet)];
      const read = [packet.payload, packet.flow, packet.ipv4!.options, packet.copy(), texts];
      assert.equal(read.length, 5);
      packet.hold();
      held.push(packet);
    }, { maxPackets: count, timeout: 5000 });
    queue.setCopyRange(1000);
    assert.equal(held.length, count);
    for (const packet of held) packet.accept();
    queue.flush();
  } finally {
    for (const undo of restore) undo();
  }
  assert.deepEqual(seen, []);
  assert.deepEqual((await receiver.take(count)).map(({ length }) => length), [
    3000,
    ...new Array<number>(count - 1).fill(30),
  ]);
});
