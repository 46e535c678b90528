// Bytes of every kind where a packet's verdict takes them: by hand, without a kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet } from "../../mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import type { QueuePacketMessage } from "../../src/netlink/mod.ts";
import { type Decider, messageOf, sentBytes } from "../support/stand_ins/made_messages.ts";
import { type Entry, tryKinds } from "./entries.ts";

const limit = { timeout: 20_000 } as const;
const bytes = buildPacket({ ipv4: {}, udp: {}, payload: new Uint8Array(30).fill(7) });
const other = buildPacket({ ipv4: {}, udp: {}, payload: new Uint8Array(900).fill(8) });
const bridged = {
  ...{ family: 7, layer2Header: Uint8Array.from({ length: 14 }, (_, at) => at) },
} as const;

/** A packet as the kernel would tell it, what its verdicts send, and how it looks. */
function entry(
  own: Uint8Array,
  use: (packet: Packet, value: Uint8Array) => void,
  facts: Partial<QueuePacketMessage> = {},
): Entry {
  return {
    open: () => {
      const sent: unknown[] = [];
      const decider: Decider = {
        decide: (_packet, verdict, mark, changes) =>
          void sent.push([verdict, mark, sentBytes(changes), changes?.attributes?.slice()]),
      };
      const packet = new Packet(decider, messageOf({ payload: bytes, ...facts }));
      return {
        bytes: own,
        use: (value) => use(packet, value as Uint8Array),
        state: () => [
          [...sent],
          packet.verdict,
          packet.verdict === undefined ? packet.payload.slice() : 0,
        ],
      };
    },
  };
}

/** By name; {@link QUEUE_ENTRIES} of the list of all entries. */
const ENTRIES: ReadonlyMap<string, Entry> = new Map([
  [
    "Packet.replacePayload",
    entry(other, (packet, value) => {
      packet.replacePayload(value);
      assert.equal(packet.udp?.payload.length, 900);
      packet.accept();
    }),
  ],
  [
    "Packet.replacePayload, then an edit",
    entry(other, (packet, value) => {
      packet.replacePayload(value);
      packet.ipv4!.ttl = 7;
      packet.accept();
    }),
  ],
  [
    "Packet.replacePayload, checksum left to the hardware",
    entry(other, (packet, value) => {
      packet.replacePayload(value);
      packet.accept();
    }, { skbInfo: 1 }),
  ],
  [
    "udp.payload",
    entry(other, (packet, value) => {
      packet.udp!.payload = value;
      packet.accept();
    }),
  ],
  [
    "accept({ layer2Header })",
    entry(bridged.layer2Header, (packet, layer2Header) => {
      packet.accept({ layer2Header });
    }, bridged),
  ],
  [
    "ethernet.sourceBytes",
    entry(new Uint8Array(6).fill(9), (packet, value) => {
      packet.ethernet!.sourceBytes = value;
      packet.accept();
    }, bridged),
  ],
]);

for (const [name, tried] of ENTRIES) {
  test(`bytes of every kind, ${name}`, limit, () => tryKinds(name, tried));
}

test("a header of another length that says it has the right one is refused", limit, () => {
  for (const length of [6, 30]) {
    const lying = new Uint8Array(length);
    Object.defineProperty(lying, "length", { value: 14 });
    const { open } = ENTRIES.get("accept({ layer2Header })")!;
    const { use, state } = open();
    const before = structuredClone(state());
    assert.throws(() => use(lying), {
      name: "RangeError",
      message: /layer2Header must be as long/,
    });
    assert.deepEqual(structuredClone(state()), before);
  }
});

test("a replacement whose buffer grows or shrinks until the verdict", limit, () => {
  const sent: (Uint8Array | undefined)[] = [];
  const decider: Decider = { decide: (...[, , , changes]) => void sent.push(sentBytes(changes)) };
  const buffer = new ArrayBuffer(other.length, { maxByteLength: 4096 });
  const tracking = new Uint8Array(buffer);
  tracking.set(other);
  const packet = new Packet(decider, messageOf({ payload: bytes }));
  packet.replacePayload(tracking);
  buffer.resize(19);
  assert.throws(() => packet.accept(), /RangeError: payload must hold a whole IPv4/);
  assert.equal(packet.verdict, undefined);
  buffer.resize(other.length + 5);
  tracking.set(other);
  // It is read when the verdict is given: what it is by then.
  packet.accept();
  assert.deepEqual(sent.map((bytes) => bytes?.length), [other.length + 5]);

  const gone = new Packet(decider, messageOf({ payload: bytes }));
  gone.replacePayload(tracking);
  structuredClone(buffer, { transfer: [buffer] });
  assert.throws(() => gone.accept(), /TypeError: payload is gone/);
  assert.throws(() => gone.ipv4!.ttl = 3, TypeError);
  assert.equal(gone.verdict, undefined);
});
