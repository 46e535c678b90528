// Each message against bytes written by hand after <linux/netfilter/nfnetlink_queue.h>.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/base/errors.ts";
import { decodeError, netlinkMessages } from "../../src/netlink/message.ts";
import { NFQA } from "../../src/netlink/queue/numbers.ts";
import {
  ATTRIBUTE_STRIDE,
  attributeLength,
  indexPacketMessage,
  MESSAGE_CUT,
  MESSAGE_MALFORMED,
  MESSAGE_OK,
  MESSAGE_OTHER,
  MESSAGE_WITHOUT_ID,
} from "../../src/netlink/queue/packet_index.ts";
import { decodeConfig, encodeConfig } from "../../src/netlink/queue/config.ts";
import { decodePacketMessage, encodePacketMessage } from "../../src/netlink/queue/packet.ts";
import { readMicroseconds } from "../../src/netlink/queue/attributes.ts";
import {
  appendMark,
  appendPayload,
  beginVerdict,
  beginVerdictBatch,
  decodeVerdict,
  decodeVerdictBatch,
  encodeVerdict,
  encodeVerdictBatch,
  payloadSize,
} from "../../src/netlink/queue/verdict.ts";
import { hex, LIMIT, own } from "../packet/samples.ts";

const PACKET = hex(`
  ac000000 0003 0000 00000000 00000000  02 00 0007
  0b00 0100 fffffffe 0800 03 00
  0800 0300 80000001
  1400 0400 0000000065000000 00000000000f423f
  0800 0500 00000002
  0800 0600 00000003
  0800 0700 00000004
  0800 0800 00000005
  1000 0900 0006 0000 021122334455 0000
  0800 0d00 000005dc
  0800 0e00 00000003
  0800 1000 000003e8
  0800 1100 000003e9
  0600 1200 6100 0000
  0800 1500 00000006
  0700 0a00 414243 00`);
// The length above is filled in here, so that the list can be edited.
new DataView(PACKET.buffer).setUint32(0, PACKET.length, true);

test("a packet message, byte by byte", LIMIT, () => {
  const message = decodePacketMessage(PACKET);
  assert.deepEqual(message, {
    family: 2,
    queue: 7,
    sequence: 0,
    id: 0xfffffffe,
    hwProtocol: 0x0800,
    hook: 3,
    mark: 0x80000001,
    timestamp: { seconds: 0x65000000, microseconds: 999_999 },
    inDeviceIndex: 2,
    outDeviceIndex: 3,
    physicalInDeviceIndex: 4,
    physicalOutDeviceIndex: 5,
    hardwareAddress: hex("021122334455"),
    captureLength: 1500,
    skbInfo: 3,
    uid: 1000,
    gid: 1001,
    securityContext: "a",
    priority: 6,
    payload: hex("414243"),
  });
});

test("the index of the same message", LIMIT, () => {
  const big = new Uint8Array(new ArrayBuffer(PACKET.length + 100)).fill(0xff);
  big.set(PACKET, 40);
  const view = new DataView(big.buffer);
  const table = new Int32Array(3 * ATTRIBUTE_STRIDE).fill(-9);
  const base = ATTRIBUTE_STRIDE;
  const code = indexPacketMessage(view, 40, 40 + PACKET.length, table, base);
  assert.equal(code, MESSAGE_OK);
  assert.equal(table[base], -2);
  assert.equal(table[base + NFQA.PACKET_HDR], 40 + 24);
  const payload = table[base + NFQA.PAYLOAD]!;
  assert.equal(attributeLength(view, payload), 3);
  assert.deepEqual(own(big.subarray(payload, payload + 3)), hex("414243"));
  assert.equal(view.getUint32(table[base + NFQA.MARK]!), 0x80000001);
  const timestamp = table[base + NFQA.TIMESTAMP]!;
  assert.equal(readMicroseconds(view, timestamp), 0x65000000 * 1e6 + 999_999);
  for (const absent of [NFQA.VERDICT_HDR, NFQA.CT, NFQA.VLAN, NFQA.CGROUP_CLASSID, 23]) {
    assert.equal(table[base + absent], 0);
  }
  // The neighbours' records are not touched.
  assert.ok(table.subarray(0, base).every((slot) => slot === -9));
  assert.ok(table.subarray(base + ATTRIBUTE_STRIDE).every((slot) => slot === -9));
});

test("a message cut anywhere still gives its id once the header is there", LIMIT, () => {
  const view = new DataView(PACKET.buffer);
  const table = new Int32Array(ATTRIBUTE_STRIDE);
  for (let end = 0; end < PACKET.length; end++) {
    assert.equal(indexPacketMessage(view, 0, end, table, 0), MESSAGE_CUT, `cut at ${end}`);
    const identified = end >= 31;
    assert.equal(table[NFQA.PACKET_HDR], identified ? 24 : 0, `cut at ${end}`);
    assert.equal(table[0], identified ? -2 : 0, `cut at ${end}`);
    // The last byte is padding: without it the payload is whole.
    assert.equal(table[NFQA.PAYLOAD] !== 0, end === PACKET.length - 1);
    assert.throws(() => decodePacketMessage(PACKET.subarray(0, end)), WireError);
  }
});

test("the last attribute needs no padding", LIMIT, () => {
  const bare = PACKET.slice(0, PACKET.length - 1);
  const view = new DataView(bare.buffer);
  view.setUint32(0, bare.length, true);
  const table = new Int32Array(ATTRIBUTE_STRIDE);
  assert.equal(indexPacketMessage(view, 0, bare.length, table, 0), MESSAGE_OK);
  assert.deepEqual(own(decodePacketMessage(bare).payload), hex("414243"));
});

test("what is not a packet message, and what is a broken one", LIMIT, () => {
  const cases: [string, string, number][] = [
    ["NLMSG_ERROR", "24000000 0200 0000 01000000 00000000 00000000 20000000", MESSAGE_OTHER],
    ["length 19", "13000000 0003 0000 00000000 00000000 00000000", MESSAGE_MALFORMED],
    ["no attributes", "14000000 0003 0000 00000000 00000000 00000000", MESSAGE_WITHOUT_ID],
    [
      "attribute of length 3",
      "18000000 0003 0000 00000000 00000000 00000000 03000100",
      MESSAGE_MALFORMED,
    ],
    [
      "attribute beyond the end",
      "18000000 0003 0000 00000000 00000000 00000000 05000a00",
      MESSAGE_MALFORMED,
    ],
    [
      "packet header of 6 bytes",
      "20000000 0003 0000 00000000 00000000 00000000 0a000100 00000001 0800 0000",
      MESSAGE_MALFORMED,
    ],
    [
      "unknown attribute, then none",
      "1c000000 0003 0000 00000000 00000000 00000000 08001700 00000001",
      MESSAGE_WITHOUT_ID,
    ],
  ];
  const table = new Int32Array(ATTRIBUTE_STRIDE);
  for (const [name, text, expected] of cases) {
    const bytes = hex(text);
    const view = new DataView(bytes.buffer);
    assert.equal(indexPacketMessage(view, 0, bytes.length, table, 0), expected, name);
    assert.throws(() => decodePacketMessage(bytes), WireError, name);
  }
});

test("a malformed attribute after the packet header leaves the id readable", LIMIT, () => {
  const bytes = hex(`
    28000000 0003 0000 00000000 00000000 02000000
    0b000100 00000009 0800 01 00  07000300 00000000`);
  const table = new Int32Array(ATTRIBUTE_STRIDE);
  const code = indexPacketMessage(new DataView(bytes.buffer), 0, bytes.length, table, 0);
  assert.equal(code, MESSAGE_MALFORMED);
  assert.equal(table[0], 9);
  assert.equal(table[NFQA.PACKET_HDR], 24);
  assert.equal(table[NFQA.MARK], 0);
});

test("a hardware address longer than its structure is taken as 8 bytes", LIMIT, () => {
  const bytes = hex(`
    34000000 0003 0000 00000000 00000000 02 00 0000
    0b00 0100 00000001 0800 00 00
    1000 0900 ffff 0000 0102030405060708`);
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  assert.deepEqual(own(decodePacketMessage(bytes).hardwareAddress), hex("0102030405060708"));
  // More bytes after it: the result must not reach into them.
  const longer = new Uint8Array([...bytes, ...hex("0800 0300 00000001")]);
  new DataView(longer.buffer).setUint32(0, longer.length, true);
  assert.equal(decodePacketMessage(longer).hardwareAddress?.length, 8);
});

test("vlan, conntrack and layer 2 header", LIMIT, () => {
  const bytes = hex(`
    54000000 0003 0000 00000000 00000000 07 00 0000
    0b00 0100 00000001 0800 00 00
    1400 1380 0600 0200 0064 0000 0600 0100 8100 0000
    0600 1400 aabb 0000
    0800 0b80 01020304
    0800 0c00 00000002`);
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  const message = decodePacketMessage(bytes);
  assert.deepEqual(message.vlan, { protocol: 0x8100, tci: 100 });
  assert.deepEqual(own(message.layer2Header), hex("aabb"));
  assert.deepEqual(own(message.conntrack), hex("01020304"));
  assert.equal(message.conntrackInfo, 2);
  // Same content, whatever order encodePacketMessage puts it in.
  assert.deepEqual(decodePacketMessage(encodePacketMessage(message)), message);
});

const VERDICT = hex(`
  20000000 0103 0100 04030201 00000000 00 00 0102
  0c00 0200 00000001 0a0b0c0d`);

test("a verdict", LIMIT, () => {
  const fields = { queue: 0x0102, sequence: 0x01020304, id: 0x0a0b0c0d, verdict: 1 };
  assert.deepEqual(encodeVerdict(fields), VERDICT);
  assert.deepEqual(decodeVerdict(VERDICT), fields);
  assert.throws(() => decodeVerdictBatch(VERDICT), WireError);
});

test("a verdict with a mark and a payload, appended in the middle of a buffer", LIMIT, () => {
  const bytes = new Uint8Array(new ArrayBuffer(100)).fill(0xee);
  const view = new DataView(bytes.buffer);
  let end = beginVerdict(view, 8, 0x0102, 0x01020304, 0x0a0b0c0d, 1);
  assert.equal(end, 40);
  assert.deepEqual(own(bytes.subarray(8, end)), VERDICT);
  end = appendMark(view, 8, end, 0x80000010);
  end = appendPayload(view, bytes, 8, end, hex("4142434445"));
  assert.equal(end, 8 + 32 + 8 + payloadSize(5));
  const expected = hex(`
    34000000 0103 0100 04030201 00000000 00 00 0102
    0c00 0200 00000001 0a0b0c0d
    0800 0300 80000010
    0900 0a00 4142434445 000000`);
  assert.deepEqual(own(bytes.subarray(8, end)), expected);
  assert.ok(bytes.subarray(0, 8).every((value) => value === 0xee));
  assert.ok(bytes.subarray(end).every((value) => value === 0xee));
});

test("a batch verdict", LIMIT, () => {
  const expected = hex(`
    28000000 0303 0100 05000000 00000000 00 00 0003
    0c00 0200 00000000 00000100
    0800 0300 00000007`);
  const fields = { queue: 3, sequence: 5, id: 256, verdict: 0, mark: 7 };
  assert.deepEqual(encodeVerdictBatch(fields), expected);
  assert.deepEqual(decodeVerdictBatch(expected), fields);
  const view = new DataView(new ArrayBuffer(40));
  const end = beginVerdictBatch(view, 0, 3, 5, 256, 0);
  assert.equal(appendMark(view, 0, end, 7), 40);
  assert.deepEqual(new Uint8Array(view.buffer), expected);
});

test("a configuration", LIMIT, () => {
  const expected = hex(`
    44000000 0203 0500 09000000 00000000 00 00 0005
    0800 0100 01 00 0002
    0900 0200 00000080 02 000000
    0800 0300 00000400
    0800 0500 00000004
    0800 0400 00000014`);
  new DataView(expected.buffer).setUint32(0, expected.length, true);
  const config = {
    queue: 5,
    sequence: 9,
    acknowledge: true,
    command: "bind",
    family: 2,
    copyMode: "packet",
    copyRange: 128,
    maxLength: 1024,
    flags: 4,
    mask: 0x14,
  } as const;
  assert.deepEqual(encodeConfig(config), expected);
  assert.deepEqual(decodeConfig(expected), config);
});

test("defaults of a configuration", LIMIT, () => {
  const { flags, mask } = decodeConfig(encodeConfig({ queue: 1, flags: 5 }));
  assert.deepEqual([flags, mask], [5, 5]);
  const cleared = decodeConfig(encodeConfig({ queue: 1, mask: 5 }));
  assert.deepEqual([cleared.flags, cleared.mask], [0, 5]);
  assert.deepEqual(decodeConfig(encodeConfig({ queue: 1, command: 2 })), {
    queue: 1,
    sequence: 0,
    acknowledge: false,
    command: "unbind",
    family: 0,
  });
});

test("NLMSG_ERROR: a failure and an acknowledgement", LIMIT, () => {
  const both = hex(`
    24000000 0200 0001 2a000000 01000000 feffffff
    20000000 0103 0100 2a000000 07000000
    24000000 0200 0001 2b000000 01000000 00000000
    20000000 0203 0500 2b000000 00000000`);
  const view = new DataView(both.buffer);
  assert.deepEqual(decodeError(view, 0), {
    error: 2,
    originalType: 0x0301,
    originalSequence: 42,
    originalPortId: 7,
  });
  const acknowledgement = decodeError(view, 36);
  assert.ok(Object.is(acknowledgement.error, 0));
  assert.equal(acknowledgement.originalSequence, 43);
  const messages = [...netlinkMessages(both)];
  assert.deepEqual(messages.map((m) => [m.offset, m.length, m.type, m.flags]), [
    [0, 36, 2, 0x100],
    [36, 36, 2, 0x100],
  ]);
  for (let end = 0; end < 36; end++) assert.throws(() => decodeError(view, 0, end), WireError);
  assert.throws(() => decodeError(new DataView(VERDICT.buffer), 0), WireError);
});

test("inputs out of range are refused by name", LIMIT, () => {
  const verdict = { queue: 0, id: 1, verdict: 1 };
  const packet = { family: 2, queue: 0, sequence: 0, id: 1, hwProtocol: 0x800, hook: 0 };
  const cases: [() => unknown, RegExp, new (...args: never[]) => Error][] = [
    [() => encodeVerdict({ ...verdict, queue: 65536 }), /queue .*65535.*65536/, RangeError],
    [() => encodeVerdict({ ...verdict, id: -1 }), /^id .*-1$/, RangeError],
    [() => encodeVerdict({ ...verdict, verdict: 1.5 }), /verdict .*1\.5/, RangeError],
    [() => encodeVerdict({ ...verdict, mark: 2 ** 32 }), /mark .*4294967296/, RangeError],
    [() => encodeVerdict({ ...verdict, sequence: NaN }), /sequence .*NaN/, RangeError],
    [
      () => encodeVerdict({ ...verdict, payload: new Uint8Array(65532) }),
      /payload .*65531.*65532/,
      RangeError,
    ],
    [
      () => encodeVerdict({ ...verdict, payload: "x" as unknown as Uint8Array }),
      /payload .*Uint8Array.*"x"/,
      TypeError,
    ],
    [
      () => encodeVerdictBatch({ ...verdict, id: "1" as unknown as number }),
      /^id .*"1"$/,
      TypeError,
    ],
    [() => encodeConfig({ queue: 0, command: "bnd" as "bind" }), /command .*"bnd"/, TypeError],
    [() => encodeConfig({ queue: 0, copyMode: 256 }), /copyMode .*255.*256/, RangeError],
    [() => encodeConfig({ queue: 0, copyRange: 1 }), /copyRange .*copyMode/, TypeError],
    [() => encodeConfig({ queue: 0, family: 2 }), /family .*command/, TypeError],
    [() => encodeConfig({ queue: 0, maxLength: -1 }), /maxLength .*-1/, RangeError],
    [() => encodePacketMessage({ ...packet, hook: 256 }), /hook .*255.*256/, RangeError],
    [
      () => encodePacketMessage({ ...packet, hardwareAddress: new Uint8Array(9) }),
      /hardwareAddress .*8.*9/,
      RangeError,
    ],
    [
      () => encodePacketMessage({ ...packet, vlan: { protocol: 0x8100, tci: 65536 } }),
      /vlan\.tci/,
      RangeError,
    ],
  ];
  for (const [call, message, kind] of cases) {
    assert.throws(call, (error) => {
      assert.ok(error instanceof kind, `${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});
