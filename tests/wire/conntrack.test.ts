import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeConntrack } from "../../src/wire/conntrack.ts";
import { WireError } from "../../src/wire/errors.ts";
import { hex, LIMIT, own } from "./samples.ts";

const TCP = hex(`
  3400 0180
    1400 0180  0800 0100 0a000001  0800 0200 0a000002
    1c00 0280  0500 0100 06 000000  0600 0200 0fa0 0000  0600 0300 0050 0000
  3c00 0280
    1400 0180  0800 0100 0a000002  0800 0200 0a000001
    1c00 0280  0500 0100 06 000000  0600 0200 0050 0000  0600 0300 0fa0 0000
    0600 0300 0009 0000
  0600 1200 0007 0000
  0800 0c00 fedcba98
  0800 0300 0000018e
  0800 0700 00069780
  1000 0480  0c00 0180  0500 0100 03 000000
  0800 0800 80000001
  1400 1600 00000000 01000000 00000000 00000000
  0800 1300 61626300`);

test("a TCP entry, byte by byte", LIMIT, () => {
  const { labels, ...rest } = decodeConntrack(TCP);
  assert.deepEqual(rest, {
    original: {
      source: "10.0.0.1",
      destination: "10.0.0.2",
      protocol: 6,
      sourcePort: 4000,
      destinationPort: 80,
    },
    reply: {
      source: "10.0.0.2",
      destination: "10.0.0.1",
      protocol: 6,
      sourcePort: 80,
      destinationPort: 4000,
      zone: 9,
    },
    status: 0x18e,
    mark: 0x80000001,
    zone: 7,
    timeout: 432_000,
    id: 0xfedcba98,
    tcpState: 3,
  });
  assert.deepEqual(own(labels), hex("00000000 01000000 00000000 00000000"));
});

test("an ICMPv6 entry; absent numbers that the kernel leaves out are 0", LIMIT, () => {
  const entry = decodeConntrack(hex(`
    5400 0180
      2c00 0180
        1400 0300 20010db8000000000000000000000001
        1400 0400 20010db8000000000000000000000002
      2400 0280  0500 0100 3a 000000  0600 0700 0003 0000  0500 0800 80 000000  0500 0900 00 000000`));
  assert.deepEqual(entry, {
    original: {
      source: "2001:db8::1",
      destination: "2001:db8::2",
      protocol: 58,
      icmpIdentifier: 3,
      icmpType: 128,
      icmpCode: 0,
    },
    status: 0,
    mark: 0,
    zone: 0,
  });
});

test("what is too short is refused, and named", LIMIT, () => {
  const cases: [string, RegExp][] = [
    ["0600 0300 0001 0000", /CTA_STATUS attribute at byte 4 needs 4 bytes, have 2/],
    ["0500 1200 01 000000", /CTA_ZONE .* needs 2 bytes, have 1/],
    ["0c00 0180 0c00 0180 00000000", /CTA_TUPLE attribute at byte 4 needs 12 bytes, have 8/],
    ["1000 0180 0c00 0180 0800 0300 01020304", /CTA_IP_V6_SRC .* needs 16 bytes, have 4/],
    ["0300 0300", /conntrack attribute at byte 0 needs 4 bytes, have 3/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => decodeConntrack(hex(text)), (error) => {
      assert.ok(error instanceof WireError);
      assert.match(error.message, message);
      return true;
    });
  }
  // Every cut either falls between attributes or is refused.
  for (let length = 0; length < TCP.length; length++) {
    try {
      decodeConntrack(TCP.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof WireError, `cut at ${length}: ${error}`);
    }
  }
});
