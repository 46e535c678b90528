// Captures that the tests share: packets, and files written byte by byte.
import fc from "fast-check";
import { buildPacket } from "../../src/packet/mod.ts";
import { type CapturedPacket, LINK_TYPE } from "../../src/capture/mod.ts";

export const LIMIT = { timeout: 60_000 } as const;

/** A UDP packet of loopback. */
export function udp(payload: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buildPacket({
    ipv4: { source: "127.0.0.1", destination: "127.0.0.1" },
    udp: { sourcePort: 4000, destinationPort: 9999 },
    payload: new TextEncoder().encode(payload),
  }));
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((list) => new Uint8Array(list));
const textOf = fc.string({ unit: "grapheme", maxLength: 40 }).map((text) =>
  text.replaceAll("\0", "")
);
const u32 = fc.nat(0xffffffff);

/** Any packet that pcapng can hold, all fields there. */
export const anyPacket: fc.Arbitrary<CapturedPacket> = fc.record({
  bytes,
  more: fc.nat(5000),
  timestamp: fc.nat(2 ** 51),
  nanoseconds: fc.nat(999),
  interface: fc.record({
    name: textOf,
    description: textOf,
    linkType: fc.nat(0xffff),
    snapLength: u32,
    statistics: fc.constant(undefined),
  }).map((fields) => ({ ...fields })),
  id: fc.nat(Number.MAX_SAFE_INTEGER),
  queue: u32,
  direction: fc.constantFrom("inbound", "outbound", undefined),
  gso: fc.boolean(),
  comments: fc.array(textOf.filter((text) => !text.startsWith("verdict")), { maxLength: 3 }),
  verdict: fc.option(
    fc.record({
      verdict: fc.constantFrom("accept", "drop", "repeat", "stop", "queue 7", "queue 65535"),
      mark: u32,
    }).map((fields) => ({ ...fields })),
    { nil: undefined },
  ),
}).map(({ more, ...packet }) => ({
  ...packet,
  checksumNotReady: false,
  length: packet.bytes.length + more,
}));

/** Numbers and bytes one after the other. */
export function file(
  littleEndian: boolean,
  ...parts: readonly (readonly [bits: 8 | 16 | 32, ...values: number[]])[]
): Uint8Array {
  const size = parts.reduce((sum, [bits, ...values]) => sum + bits / 8 * values.length, 0);
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  for (const [bits, ...values] of parts) {
    for (const value of values) {
      if (bits === 8) view.setUint8(at, value);
      else if (bits === 16) view.setUint16(at, value, littleEndian);
      else view.setUint32(at, value, littleEndian);
      at += bits / 8;
    }
  }
  return new Uint8Array(view.buffer);
}

/** A pcapng file of one byte order: a section, an interface in milliseconds, three kinds of packets. */
export function everyBlock(littleEndian: boolean): Uint8Array {
  return file(
    littleEndian,
    ...[[32, 0x0a0d0d0a, 28, 0x1a2b3c4d], [16, 1, 0], [32, 0xffffffff, 0xffffffff, 28]] as const,
    // An interface: Ethernet, 4 bytes of a packet at most, "lo", milliseconds, 1000 s to add.
    ...[[32, 1, 52], [16, LINK_TYPE.ETHERNET, 0], [32, 4], [16, 2, 2], [
      8,
      0x6c,
      0x6f,
      0,
      0,
    ]] as const,
    ...[[16, 9, 1], [8, 3, 0, 0, 0], [16, 14, 8]] as const,
    littleEndian ? [32, 1000, 0] : [32, 0, 1000],
    ...[[32, 0], [32, 52]] as const,
    // Of a kind that nobody knows.
    [32, 0xbad, 16, 7, 16],
    // A packet with a comment, a flag word (outbound), and a queue.
    ...[[32, 6, 68, 0, 0, 5500, 3, 60], [8, 1, 2, 3, 0], [16, 1, 5]] as const,
    ...[[8, 104, 101, 108, 108, 111, 0, 0, 0], [16, 2, 4], [32, 2]] as const,
    ...[[16, 6, 4], [32, 9], [32, 0], [32, 68]] as const,
    // One of the old kind.
    ...[[32, 2, 36], [16, 0, 0], [32, 0, 6000, 2, 2], [8, 8, 9, 0, 0], [32, 36]] as const,
    // A simple one: longer than the interface keeps.
    ...[[32, 3, 20, 1500], [8, 1, 2, 3, 4], [32, 20]] as const,
    // Statistics: 5 dropped by the system.
    ...[[32, 5, 40, 0, 0, 0], [16, 7, 8]] as const,
    littleEndian ? [32, 5, 0] : [32, 0, 5],
    ...[[32, 0], [32, 40]] as const,
  );
}
