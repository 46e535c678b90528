import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
} from "../../src/base/address.ts";
import {
  checksumAdd,
  checksumUpdate,
  internetChecksum,
  pseudoHeaderIpv4,
  pseudoHeaderIpv6,
} from "../../src/packet/structure/checksum.ts";
import { runs } from "../support/runtime/quick.ts";
import { hex, ICMP4, ICMP6, LIMIT, noise, TCP4, TCP6, u16, u32, UDP4 } from "./samples.ts";

test("IPv4 text", LIMIT, () => {
  assert.equal(formatIpv4(0xc0a80001), "192.168.0.1");
  assert.equal(formatIpv4(0xffffffff), "255.255.255.255");
  fc.assert(fc.property(u32, (address) => assert.equal(parseIpv4(formatIpv4(address)), address)));
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "1..2.3",
    "-1.2.3.4",
  ];
  for (const text of wrong) assert.throws(() => parseIpv4(text), RangeError, text);
});

/** RFC 5952 §4 and RFC 4291 §2.2, as pairs of input and canonical text. */
const IPV6_TEXTS = [
  ["2001:0db8::0001", "2001:db8::1"],
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:DB8::ABCD", "2001:db8::abcd"],
  ["::", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["1::", "1::"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::ffff:192.0.2.128", "::ffff:192.0.2.128"],
  ["::ffff:c000:280", "::ffff:192.0.2.128"],
  ["::192.0.2.128", "::c000:280"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["fe80:0:0:0:200:ff:fe00:2", "fe80::200:ff:fe00:2"],
  ["0:0:1:0:0:0:0:0", "0:0:1::"],
] as const;

test("IPv6 text", LIMIT, () => {
  for (const [text, canonical] of IPV6_TEXTS) {
    assert.equal(formatIpv6(parseIpv6(text)), canonical, text);
  }
  assert.deepEqual(parseIpv6("1:203::ff"), hex("0001 0203 0000 0000 0000 0000 0000 00ff"));
  const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const sparse = sixteen.map((bytes) => bytes.map((value) => value < 160 ? 0 : value));
  fc.assert(
    fc.property(fc.oneof(sixteen, sparse), (bytes) => {
      const text = formatIpv6(bytes);
      assert.deepEqual([...parseIpv6(text)], [...bytes]);
      assert.doesNotMatch(text, /[A-F]|::.*::|:::|(^|:)0[0-9a-f]/);
      // The URL parser is an independent judge of the canonical form, except for mapped addresses.
      if (!text.includes(".")) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
    }),
    { numRuns: runs(2000) },
  );
  const wrong = `:|:::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::|12345::|g::|1:
    |:1|fe80::1%eth0|[::1]|::1/64|1.2.3.4|::1.2.3|1.2.3.4::|::1.2.3.4:5|1:2:3:4:5:6:7:1.2.3.4`;
  for (const text of ["", ...wrong.split("|").map((part) => part.trim())]) {
    assert.throws(() => parseIpv6(text), RangeError, text);
  }
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      parseIpv6(text);
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }));
  assert.throws(() => formatIpv6(new Uint8Array(15)), RangeError);
});

test("MAC text", LIMIT, () => {
  assert.equal(formatMac(hex("02112233445f")), "02:11:22:33:44:5f");
  assert.deepEqual(parseMac("02-11-22-33-44-5F"), hex("02112233445f"));
  const six = fc.uint8Array({ minLength: 6, maxLength: 6 });
  fc.assert(fc.property(six, (b) => assert.deepEqual([...parseMac(formatMac(b))], [...b])));
  for (
    const text of ["", "02:11:22:33:44", "02:11-22:33:44:55", "02:11:22:33:44:5g", "0211.2233.4455"]
  ) {
    assert.throws(() => parseMac(text), RangeError, text);
  }
});

/** RFC 1071 word by word, with nothing clever in it. */
function slowChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

test("checksums of real packets verify to 0", LIMIT, () => {
  assert.equal(internetChecksum(TCP4, 0, 24), 0);
  assert.equal(internetChecksum(UDP4, 0, 20), 0);
  assert.equal(internetChecksum(ICMP4, 0, 20), 0);
  assert.equal(internetChecksum(ICMP4, 20), 0);
  assert.equal(internetChecksum(TCP4, 24, 48, pseudoHeaderIpv4(TCP4, 0, 6, 24)), 0);
  assert.equal(internetChecksum(UDP4, 20, 40, pseudoHeaderIpv4(UDP4, 0, 17, 20)), 0);
  assert.equal(internetChecksum(ICMP6, 40, 52, pseudoHeaderIpv6(ICMP6, 0, 58, 12)), 0);
  assert.equal(internetChecksum(TCP6, 64, 84, pseudoHeaderIpv6(TCP6, 0, 6, 20)), 0);
  // The example of RFC 1071 §3.
  assert.equal(checksumAdd(hex("0001f203f4f5f6f7")), 0xddf2);
});

test("the checksum equals the slow one, whole or in parts", LIMIT, () => {
  fc.assert(fc.property(noise(300), fc.nat({ max: 150 }), (bytes, half) => {
    assert.equal(internetChecksum(bytes), slowChecksum(bytes));
    const split = Math.min(2 * half, bytes.length & ~1);
    const sum = checksumAdd(bytes, 0, split);
    assert.equal(internetChecksum(bytes, split, bytes.length, sum), slowChecksum(bytes));
  }));
  for (const length of [16383, 16384, 16385, 65535, 1 << 17]) {
    const bytes = Uint8Array.from({ length }, (_, index) => 0xff - (index * 7) % 5);
    assert.equal(internetChecksum(bytes), slowChecksum(bytes), `${length} bytes`);
  }
  assert.throws(() => internetChecksum(hex("0011"), 0, 3), RangeError);
  assert.throws(() => internetChecksum(hex("0011"), 2, 1), RangeError);
});

test("the incremental update equals a full computation", LIMIT, () => {
  const words = fc.array(u16, { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(words, fc.nat(), fc.oneof(u16, fc.constantFrom(0, 0xffff)), (before, at, word) => {
      // All zeros is the one exception (RFC 1624 §3); no header is that.
      before[0] = before[0]! | 1;
      const index = 1 + at % (before.length - 1);
      const after = before.with(index, word);
      const updated = checksumUpdate(slowChecksum(toBytes(before)), before[index]!, word);
      assert.equal(updated, slowChecksum(toBytes(after)));
    }),
    { numRuns: runs(2000) },
  );
  // The example of RFC 1624 §4.
  assert.equal(checksumUpdate(0xdd2f, 0x5555, 0x3285), 0x0000);
});

function toBytes(words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]));
}
