// What a message that was received says, read in place; and in memory of its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ATTRIBUTE_STRIDE,
  encodePacketMessage,
  indexPacketMessage,
  NFQA,
} from "../../src/netlink/mod.ts";
import { PacketMessage } from "../../src/nfqueue/packet_message.ts";
import { Packet } from "../../src/queue/packet/packet.ts";
import { PacketReleasedError, Verdict } from "../../mod.ts";

const limit = { timeout: 20_000 } as const;
const slotSize = 256;

/** A store with two slots, and how to receive into one. */
function store() {
  const bytes = new Uint8Array(new ArrayBuffer(2 * slotSize));
  const view = new DataView(bytes.buffer);
  const index = new Int32Array(2 * ATTRIBUTE_STRIDE);
  return {
    ...{ bytes, view, index, slotSize, single: false },
    receive(slot: number, id: number): void {
      const payload = new Uint8Array(30).fill(id);
      const facts = { family: 10, queue: 7, sequence: 0, hwProtocol: 0x86dd, hook: 2 };
      const message = encodePacketMessage({ ...facts, id, mark: id + 1, payload });
      const start = slot * slotSize;
      bytes.fill(0, start, start + slotSize).set(message, start);
      indexPacketMessage(view, start, start + message.length, index, slot * ATTRIBUTE_STRIDE);
    },
  };
}

/** What a message says. */
function said(message: PacketMessage): unknown {
  const { id, queue, family, hook, etherType, packetLength, truncated, skbInfo } = message;
  const mark = message.u32(NFQA.MARK);
  const part = [...message.part(NFQA.PAYLOAD) ?? []];
  return { id, queue, family, hook, etherType, packetLength, truncated, skbInfo, mark, part };
}

const facts = { queue: 7, family: 10, hook: 2, etherType: 0x86dd, packetLength: 30 };
const expected = (id: number) => ({
  ...{ ...facts, id, truncated: false, skbInfo: 0, mark: id + 1 },
  part: new Array<number>(30).fill(id),
});

test("a slot's message says what was received there last", limit, () => {
  const memory = store();
  const [first, second] = [new PacketMessage(memory, 0), new PacketMessage(memory, 1)];
  memory.receive(0, 1);
  memory.receive(1, 2);
  assert.deepEqual([said(first), said(second)], [expected(1), expected(2)]);
  memory.receive(1, 9);
  assert.deepEqual([said(first), said(second)], [expected(1), expected(9)]);
  assert.equal(second.u32(NFQA.UID), undefined);
  assert.deepEqual([second.offset(NFQA.UID), second.length(NFQA.UID)], [0, 0]);
  assert.equal(second.part(NFQA.UID), undefined);
  assert.equal(second.slotEnd, 2 * slotSize);
  assert.ok(second.end > slotSize && second.end < second.slotEnd);
});

test("a copy stays, and keeps what was asked for of the slot", limit, () => {
  const memory = store();
  memory.receive(1, 5);
  const message = new PacketMessage(memory, 1);
  const { end } = message;
  const copies = [message.copy(), message.copy(end + 8)];
  memory.receive(1, 6);
  assert.deepEqual(copies.map(said), [expected(5), expected(5)]);
  assert.deepEqual(copies.map(({ bytes }) => bytes.length), [end - slotSize, end - slotSize + 8]);
});

test("a packet reads its slot until its verdict, and never another one's message", limit, () => {
  const memory = store();
  const message = new PacketMessage(memory, 1);
  const decider = { decide: () => {} };
  memory.receive(1, 3);
  const packet = new Packet(decider, message);
  const { payload } = packet;
  const copy = packet.copy();
  assert.deepEqual([packet.id, packet.mark, packet.etherType], [3, 4, 0x86dd]);
  packet.accept();
  memory.receive(1, 8);
  const next = new Packet(decider, message);
  assert.deepEqual([next.id, next.mark], [8, 9]);
  assert.deepEqual([packet.id, packet.verdict], [3, Verdict.Accept]);
  assert.throws(() => packet.mark, PacketReleasedError);
  assert.throws(() => packet.payload, PacketReleasedError);
  assert.throws(() => packet.ip, PacketReleasedError);
  assert.throws(() => packet.modified, PacketReleasedError);
  assert.deepEqual([copy.mark, payload[0]], [4, 3]);
});
