/** finishChecksums, against a checksum computed here word by word. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { finishPacket, startChecksum } from "../../src/packet/structure/finish.ts";
import { finishChecksums } from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";

const UPPER = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;
const FIELD: Readonly<Record<number, number>> = { 1: 2, 6: 16, 17: 6, 58: 2 };
const HEADER: Readonly<Record<number, number>> = { 1: 8, 6: 20, 17: 8, 58: 8 };

/** The one's complement sum the slow way: 0xffff when a checksum inside is right. */
function slowSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let at = 0; at < bytes.length; at++) {
    sum += at % 2 === 0 ? bytes[at]! * 256 : bytes[at]!;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

function build(version: 4 | 6, protocol: number, data: Uint8Array): Uint8Array {
  const headerLength = version === 4 ? 20 : 40;
  const upperLength = HEADER[protocol]! + data.length;
  const bytes = new Uint8Array(headerLength + upperLength);
  const view = new DataView(bytes.buffer);
  bytes.set(data, headerLength + HEADER[protocol]!);
  if (version === 4) {
    bytes[0] = 0x45;
    view.setUint16(2, bytes.length);
    bytes[8] = 64;
    bytes[9] = protocol;
    view.setUint16(10, 0xdead);
    bytes.set([10, 0, 0, 1, 192, 0, 2, 7], 12);
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, upperLength);
    bytes[6] = protocol;
    bytes[7] = 64;
    bytes.fill(0x20, 8, 40);
  }
  view.setUint16(headerLength + FIELD[protocol]!, 0xbeef);
  if (protocol === UPPER.tcp) bytes[headerLength + 12] = 0x50;
  if (protocol === UPPER.udp) view.setUint16(headerLength + 4, upperLength);
  return bytes;
}

function pseudoSum(bytes: Uint8Array, version: 4 | 6, protocol: number): number {
  const addresses = version === 4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
  const upperLength = bytes.length - (version === 4 ? 20 : 40);
  return slowSum(addresses, protocol + upperLength);
}

test("every checksum of a whole packet is right afterwards", { timeout: 30_000 }, () => {
  const packet = fc.record({
    version: fc.constantFrom<4 | 6>(4, 6),
    name: fc.constantFrom("ping", "tcp", "udp"),
    data: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(packet, ({ version, name, data }) => {
      const ping = version === 4 ? UPPER.icmp : UPPER.icmpv6;
      const protocol = name === "ping" ? ping : UPPER[name as "tcp" | "udp"];
      const bytes = build(version, protocol, data);
      const before = bytes.slice();
      assert.equal(finishChecksums(bytes), bytes);
      if (version === 4) assert.equal(slowSum(bytes.subarray(0, 20)), 0xffff, "IPv4 header");
      const start = version === 4 ? 20 : 40;
      const pseudo = protocol === UPPER.icmp ? 0 : pseudoSum(bytes, version, protocol);
      assert.equal(slowSum(bytes.subarray(start), pseudo), 0xffff, name);
      const field = start + FIELD[protocol]!;
      for (let at = 0; at < bytes.length; at++) {
        const checksum = at === field || at === field + 1 ||
          (version === 4 && (at === 10 || at === 11));
        if (!checksum) assert.equal(bytes[at], before[at], `byte ${at} changed`);
      }
    }),
    { numRuns: runs(500) },
  );
});

test("a UDP checksum that comes out as 0 is written as 0xffff", { timeout: 30_000 }, () => {
  const bytes = build(4, UPPER.udp, new Uint8Array(2));
  const view = new DataView(bytes.buffer);
  view.setUint16(26, 0);
  // With its checksum as data, the whole adds up to 0xffff: the checksum becomes 0.
  const sum = slowSum(bytes.subarray(20), pseudoSum(bytes, 4, UPPER.udp));
  view.setUint16(28, 0xffff - sum);
  finishChecksums(bytes);
  assert.equal(view.getUint16(26), 0xffff);
});

test("fragments and cut packets keep their upper layer's checksum", { timeout: 30_000 }, () => {
  for (const fragment of [0x2000, 0x0001]) {
    const bytes = build(4, UPPER.udp, new Uint8Array(8));
    new DataView(bytes.buffer).setUint16(6, fragment);
    finishChecksums(bytes);
    assert.equal(new DataView(bytes.buffer).getUint16(26), 0xbeef);
    assert.equal(slowSum(bytes.subarray(0, 20)), 0xffff);
  }
  const cut = build(4, UPPER.udp, new Uint8Array(8)).slice(0, 32);
  finishChecksums(cut);
  assert.equal(new DataView(cut.buffer).getUint16(26), 0xbeef);
});

test("any bytes are survived", { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      assert.equal(finishChecksums(bytes).length, bytes.length);
    }),
    { numRuns: runs(2000) },
  );
});

test("where the upper checksum cannot be computed the verdict's finishing writes nothing", () => {
  for (const protocol of [UPPER.tcp, UPPER.udp]) {
    // Cut: its total length says more than there is.
    const bytes = build(4, protocol, new Uint8Array(8)).slice(0, -4);
    const before = bytes.slice();
    assert.equal(finishPacket(bytes), false);
    assert.equal(startChecksum(bytes), false);
    assert.deepEqual(bytes, before);
    finishChecksums(bytes);
    assert.notDeepEqual(bytes, before, "who asks for all that can be had gets the IPv4 header's");
  }
});
