// What the program put in a packet's place is read when the verdict is given: what has become of it
// by then. By hand, without a kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet, Verdict } from "../../../mod.ts";
import { buildPacket } from "../../../src/packet/mod.ts";
import type { QueuePacketMessage } from "../../../src/netlink/mod.ts";
import { type Decider, messageOf, sentBytes } from "../../support/stand_ins/made_messages.ts";

const limit = { timeout: 20_000 } as const;
const bytes = buildPacket({ ipv4: {}, udp: {}, payload: Uint8Array.of(1, 2, 3) });

/** A packet as the kernel would tell it, and what its verdicts send in its place. */
function packetOf(facts: Partial<QueuePacketMessage> = {}): {
  packet: Packet;
  sent: (Uint8Array | undefined)[];
} {
  const sent: (Uint8Array | undefined)[] = [];
  const decider: Decider = {
    decide: (_packet, _verdict, _mark, changes) => void sent.push(sentBytes(changes)),
  };
  return { packet: new Packet(decider, messageOf({ payload: bytes, ...facts })), sent };
}

test("bytes that are no packet any more are refused, and the packet stays undecided", limit, () => {
  const range = { name: "RangeError", message: /whole IPv4/ };
  const gone = { name: "TypeError", message: /payload is gone: its buffer was transferred/ };
  type Change = [change: (buffer: ArrayBuffer) => void, error: { name: string; message: RegExp }];
  const changes: Readonly<Record<string, Change>> = {
    "of another version": [(buffer) => new Uint8Array(buffer).fill(0x65, 0, 1), range],
    "shorter than a header": [(buffer) => buffer.resize(19), range],
    "transferred": [(buffer) => void buffer.transfer(), gone],
  };
  for (const [name, [change, error]] of Object.entries(changes)) {
    for (const looked of [false, true]) {
      const { packet, sent } = packetOf();
      const buffer = new ArrayBuffer(bytes.length, { maxByteLength: 2 * bytes.length });
      const replacement = new Uint8Array(buffer);
      replacement.set(bytes);
      if (looked) assert.equal(packet.udp?.length, 11);
      packet.replacePayload(replacement);
      change(buffer);
      assert.throws(() => packet.accept(), error, name);
      assert.equal(packet.verdict, undefined);
      packet.replacePayload(bytes);
      packet.accept();
      assert.deepEqual(sent.map((sent) => sent?.length), [bytes.length]);
    }
  }
});

test("the length is that of the bytes, whatever the object says of it", limit, () => {
  const { packet, sent } = packetOf();
  const lying = bytes.slice();
  Object.defineProperty(lying, "length", {
    get(): number {
      if (packet.verdict === undefined) packet.drop();
      return 60_000;
    },
  });
  packet.replacePayload(lying);
  packet.accept();
  assert.equal(packet.verdict, Verdict.Accept);
  assert.deepEqual(sent, [bytes]);
});

test("what is in the place of no IP packet has a byte at least", limit, () => {
  const { packet } = packetOf({ hwProtocol: 0x806 });
  const message = "payload must hold at least one byte";
  assert.throws(() => packet.replacePayload(new Uint8Array(0)), { name: "RangeError", message });
});
