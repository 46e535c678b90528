// Packets and helpers that the tests of src/packet share.
import assert from "node:assert/strict";
import fc from "fast-check";

/** Bytes from hex; spaces and line breaks are for the reader. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  assert.equal(digits.length % 2, 0);
  const bytes = new Uint8Array(new ArrayBuffer(digits.length / 2));
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** A plain Uint8Array of its own, so that deepEqual compares bytes and nothing else. */
export function own(bytes: Uint8Array | undefined): Uint8Array {
  assert.ok(bytes !== undefined);
  return Uint8Array.from(bytes);
}

/** The bytes in the middle of a bigger buffer, with `fill` all around them. */
export function embed(bytes: Uint8Array, fill: number, margin: number = 64): Uint8Array {
  const big = new Uint8Array(new ArrayBuffer(bytes.length + 2 * margin)).fill(fill);
  big.set(bytes, margin);
  return big.subarray(margin, margin + bytes.length);
}

/** Every time limit: Bun's own is 5 seconds. */
export const LIMIT = { timeout: 30_000 } as const;

export const u8: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xff });
export const u16: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff });
export const u32: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffffffff });

/** Valid bytes after a few changes: bytes overwritten, then cut. */
export function mutated(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(), value: fc.oneof(u8, fc.constantFrom(0, 1, 255, 128)) });
  return fc.tuple(valid, fc.array(change, { maxLength: 6 }), fc.option(fc.nat())).map(
    ([bytes, changes, cut]) => {
      const copy = bytes.slice();
      for (const { at, value } of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return cut === null ? copy : copy.slice(0, cut % (copy.length + 1));
    },
  );
}

/** Random bytes. */
export function noise(maxLength: number = 200): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength });
}

/** IPv4 with 4 bytes of options, TCP SYN with an MSS option; checksums are right. */
export const TCP4: Uint8Array = hex(`
  46 b8 0030 abcd 4000 40 06 773f 0a000001 0a000002 01010100
  0fa0 0050 00000001 00000000 60 02 faf0 7942 0000 020405b4`);

/** IPv4, UDP with 12 bytes of data. */
export const UDP4: Uint8Array = hex(`
  45 00 0028 0000 4000 40 11 3cc3 7f000001 7f000001
  1388 0035 0014 5c17 68656c6c6f20776f726c6421`);

/** IPv4, ICMP echo request. */
export const ICMP4: Uint8Array = hex(`
  45 00 0020 0001 0000 40 01 7cda 7f000001 7f000001
  08 00 3334 0003 0002 61626364`);

/** IPv6, ICMPv6 echo request. */
export const ICMP6: Uint8Array = hex(`
  60000000 000c 3a 40 00000000000000000000000000000001 00000000000000000000000000000001
  80 00 baec 0003 0001 61626364`);

/** IPv6 with hop-by-hop, fragment (first of an atomic one) and destination options, then TCP. */
export const TCP6: Uint8Array = hex(`
  6ab12345 002c 00 3f 20010db8000000000000000000000001 fe80000000000000020000fffe000002
  2c 00 0502 0000 0100
  3c 00 0000 deadbeef
  06 00 010400000000
  c350 01bb 89abcdef 01234567 50 18 0200 1d5f 0000`);
