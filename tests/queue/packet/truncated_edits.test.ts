// Packets of which a part was captured say so at every edit, whatever else is wrong with the part
// that is here. By hand, without a kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet, TruncatedPacketError } from "../../../mod.ts";
import { buildPacket, type PacketFields } from "../../../src/packet/mod.ts";
import { messageOf } from "../../support/stand_ins/made_messages.ts";

const limit = { timeout: 20_000 } as const;
const filler = new Uint8Array(8).fill(1);

function cut(fields: PacketFields, captured: number): Packet {
  const whole = buildPacket(fields);
  const message = {
    ...{ hwProtocol: fields.ipv6 === undefined ? 0x800 : 0x86dd, captureLength: whole.length },
    payload: whole.subarray(0, captured),
  };
  return new Packet(undefined, messageOf(message));
}

const edits: Readonly<Record<string, () => void>> = {
  "IPv4 options of their length": () =>
    cut({ ipv4: { options: filler }, udp: {} }, 24).ipv4!.options = filler,
  "IPv4 options of another": () =>
    cut({ ipv4: { options: filler }, udp: {} }, 24).ipv4!.options = filler.subarray(4),
  "TCP options": () => cut({ ipv4: {}, tcp: { options: filler } }, 44).tcp!.options = filler,
  "a TCP option": () => cut({ ipv4: {}, tcp: { mss: 1460 } }, 42).tcp!.mss = 1400,
  "IPv6 extension headers": () =>
    cut({ ipv6: { extensions: [{ protocol: 0, data: new Uint8Array(14) }] }, udp: {} }, 48).ipv6!
      .extensions = [],
  "data": () => cut({ ipv4: {}, udp: {}, payload: filler }, 30).udp!.payload = filler,
  "nothing at all": () => cut({ ipv4: {}, tcp: {}, payload: filler }, 40).tcp!.mss = undefined,
};

for (const [name, edit] of Object.entries(edits)) {
  test(`of a part: ${name}`, limit, () => {
    assert.throws(edit, TruncatedPacketError);
  });
}
