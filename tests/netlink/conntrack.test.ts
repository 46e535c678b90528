import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeConntrack } from "../../src/netlink/conntrack/entry.ts";
import { CONNTRACK_INFO } from "../../src/netlink/conntrack/numbers.ts";
import { WireError } from "../../src/base/errors.ts";
import { hex, LIMIT } from "../packet/samples.ts";

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
  0800 3f00 61626300`);

test("a TCP entry, byte by byte", LIMIT, () => {
  assert.deepEqual(decodeConntrack(TCP), {
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
    flags: ["SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT_DONE", "DST_NAT_DONE"],
    mark: 0x80000001,
    zone: 7,
    timeout: 432_000,
    id: 0xfedcba98,
    tcp: { state: "ESTABLISHED" },
    labels: [32],
  });
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
    flags: [],
    mark: 0,
    zone: 0,
    labels: [],
  });
});

test("everything else that an entry can hold", LIMIT, () => {
  const entry = decodeConntrack(
    hex(`
    3400 0180
      1400 0180  0800 0100 0a000001  0800 0200 c0000201
      1c00 0280  0500 0100 06 000000  0600 0200 0fa0 0000  0600 0300 0050 0000
    3400 0280
      1400 0180  0800 0100 0a000009  0800 0200 c6336401
      1c00 0280  0500 0100 06 000000  0600 0200 1f90 0000  0600 0300 ea60 0000
    0800 0300 000001b9
    3000 0480  2c00 0180
      0500 0100 01 000000  0500 0200 07 000000  0500 0300 08 000000
      0600 0400 2300 0000  0600 0500 0500 0000
    1000 0580  0800 0100 66747000  0400 0200
    1c00 0980  0c00 0100 0000000000000003  0c00 0200 0000000100000002
    1c00 0a80  0c00 0100 0000000000000001  0c00 0200 0000000000000034
    3400 0e80
      1400 0180  0800 0100 0a000001  0800 0200 c0000201
      1c00 0280  0500 0100 06 000000  0600 0200 0fa0 0000  0600 0300 0015 0000
    1000 1380  0c00 0100 6c6162656c00 0000
    1000 1480  0c00 0100 18b12d1b0f2fe3e8
    1400 1600 01000000 00000080 00000000 00000080`),
    CONNTRACK_INFO.RELATED_REPLY,
  );
  assert.deepEqual(entry, {
    original: {
      source: "10.0.0.1",
      destination: "192.0.2.1",
      protocol: 6,
      sourcePort: 4000,
      destinationPort: 80,
    },
    reply: {
      source: "10.0.0.9",
      destination: "198.51.100.1",
      protocol: 6,
      sourcePort: 8080,
      destinationPort: 60000,
    },
    master: {
      source: "10.0.0.1",
      destination: "192.0.2.1",
      protocol: 6,
      sourcePort: 4000,
      destinationPort: 21,
    },
    status: 0x1b9,
    flags: ["EXPECTED", "CONFIRMED", "SRC_NAT", "DST_NAT", "SRC_NAT_DONE", "DST_NAT_DONE"],
    state: "RELATED",
    direction: "reply",
    mark: 0,
    zone: 0,
    labels: [0, 63, 127],
    tcp: {
      state: "SYN_SENT",
      windowScaleOriginal: 7,
      windowScaleReply: 8,
      flagsOriginal: 0x23,
      flagsReply: 5,
    },
    helper: "ftp",
    counters: { original: { packets: 3, bytes: 0x100000002 }, reply: { packets: 1, bytes: 52 } },
    securityContext: "label",
    started: Math.floor(0x18b12d1b0f2fe3e8 / 1000),
    sourceNat: { address: "198.51.100.1", port: 60000 },
    destinationNat: { address: "10.0.0.9", port: 8080 },
  });
  // Plain values: nothing is lost in JSON.
  assert.deepEqual(JSON.parse(JSON.stringify(entry)), entry);
});

test("the state and the direction of each packet's relation", LIMIT, () => {
  const relation = (info: number) => {
    const { state, direction } = decodeConntrack(new Uint8Array(0), info);
    return [state, direction];
  };
  assert.deepEqual(relation(CONNTRACK_INFO.NEW), ["NEW", "original"]);
  assert.deepEqual(relation(CONNTRACK_INFO.ESTABLISHED), ["ESTABLISHED", "original"]);
  assert.deepEqual(relation(CONNTRACK_INFO.ESTABLISHED_REPLY), ["ESTABLISHED", "reply"]);
  assert.deepEqual(relation(CONNTRACK_INFO.RELATED), ["RELATED", "original"]);
  assert.deepEqual(relation(CONNTRACK_INFO.UNTRACKED), ["UNTRACKED", undefined]);
  assert.deepEqual(relation(99), [undefined, undefined]);
});

test("SCTP, and a state that has no name", LIMIT, () => {
  const { sctp } = decodeConntrack(
    hex("2000 0480  1c00 0380  0500 0100 04 000000  0800 0200 00000001  0800 0300 fedcba98"),
  );
  assert.deepEqual(sctp, {
    state: "ESTABLISHED",
    verificationTagOriginal: 1,
    verificationTagReply: 0xfedcba98,
  });
  const { tcp } = decodeConntrack(hex("1000 0480  0c00 0180  0500 0100 c8 000000"));
  assert.deepEqual(tcp, { state: "200" });
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
