// Packet messages against what a real ip_queue kernel sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/base/errors.ts";
import { IpqPacketHeader } from "../../src/netlink/ip_queue/header.ts";
import { ipqDeviceName } from "../../src/netlink/ip_queue/device_name.ts";
import {
  decodeIpqPacket,
  encodeIpqPacket,
  type IpqPacketMessage,
} from "../../src/netlink/ip_queue/packet.ts";
import {
  FULL,
  FULL_FIELDS,
  INPUT,
  INPUT_FIELDS,
  MODE_EINVAL,
  OUTPUT,
  OUTPUT_FIELDS,
  PING,
  VERDICT_12345,
} from "./ip_queue_samples.ts";
import { embed, hex, LIMIT, own } from "../packet/samples.ts";

function assertPacket(bytes: Uint8Array, expected: IpqPacketMessage): IpqPacketMessage {
  const message = decodeIpqPacket(bytes);
  assert.ok(message !== null);
  // Plain arrays of their own: some runtimes compare more than the bytes.
  const { hwAddress, payload, ...rest } = message;
  assert.deepEqual(
    { ...rest, hwAddress: own(hwAddress), payload: own(payload) },
    expected,
  );
  return message;
}

test("packets as the kernel sent them", LIMIT, () => {
  assertPacket(OUTPUT, OUTPUT_FIELDS);
  assertPacket(INPUT, INPUT_FIELDS);
  assertPacket(FULL, FULL_FIELDS);
  assert.deepEqual(own(encodeIpqPacket(OUTPUT_FIELDS)), OUTPUT);
  assert.deepEqual(own(encodeIpqPacket(INPUT_FIELDS)), INPUT);
  assert.deepEqual(own(encodeIpqPacket(FULL_FIELDS)), FULL);
});

test("the result is a plain object that borrows its bytes", LIMIT, () => {
  const bytes = embed(INPUT, 0xaa);
  const message = assertPacket(bytes, INPUT_FIELDS);
  assert.deepEqual(Object.keys(message), Object.keys(INPUT_FIELDS));
  assert.equal(Object.getPrototypeOf(message), Object.prototype);
  assert.equal(message.payload.buffer, bytes.buffer);
  assert.equal(message.payload.byteOffset, bytes.byteOffset + 112);
  assert.equal(message.hwAddress.buffer, bytes.buffer);
  bytes[112] = 0x60;
  assert.equal(message.payload[0], 0x60);
});

test("a message in a longer buffer, and one with metadata alone", LIMIT, () => {
  const buffer = new Uint8Array(new ArrayBuffer(4096)).fill(0xee);
  buffer.set(OUTPUT);
  assertPacket(buffer, OUTPUT_FIELDS);

  const meta = OUTPUT.slice(0, 112);
  meta[0] = 112;
  meta[104] = 0;
  assertPacket(meta, { ...OUTPUT_FIELDS, dataLength: 0, payload: hex("") });
});

test("a payload of 30 bytes makes a message of 144, the rest zeros", LIMIT, () => {
  const payload = PING.slice(0, 30);
  const bytes = encodeIpqPacket({ ...OUTPUT_FIELDS, dataLength: 30, payload });
  assert.equal(bytes.length, 144);
  assert.equal(bytes[0], 144);
  assert.deepEqual([bytes[142], bytes[143]], [0, 0]);
  assertPacket(bytes, { ...OUTPUT_FIELDS, dataLength: 30, payload });
});

test("buffers and names in turn never mix", LIMIT, () => {
  const one = embed(OUTPUT, 0x11, 7);
  const two = embed(INPUT, 0x22, 13);
  const three = embed(FULL, 0x33, 1);
  for (let round = 0; round < 300; round++) {
    assertPacket(one, OUTPUT_FIELDS);
    assertPacket(two, INPUT_FIELDS);
    assertPacket(three, FULL_FIELDS);
    assertPacket(two, INPUT_FIELDS);
  }
  // Names that differ in one of the four words only, or in the field alone.
  const names = ["a", "abcda", "abcdefgha", "abcdefghijkla", "b", "abcdb", "abcdefghb"];
  names.push("abcdefghijklb", "", "é", "abcdefghijklé");
  const messages = names.flatMap((indevName) =>
    names.map((outdevName) => ({ ...FULL_FIELDS, indevName, outdevName }))
  );
  const encoded = messages.map(encodeIpqPacket);
  for (let step = 1; step < encoded.length; step += 10) {
    for (let i = 0, at = 0; i < encoded.length; i++, at = (at + step) % encoded.length) {
      const { indevName, outdevName } = decodeIpqPacket(encoded[at]!)!;
      assert.equal(indevName, messages[at]!.indevName);
      assert.equal(outdevName, messages[at]!.outdevName);
    }
  }
});

test("a buffer whose content, size or owner changes between two reads", LIMIT, () => {
  const buffer = new Uint8Array(new ArrayBuffer(INPUT.length));
  buffer.set(INPUT);
  assertPacket(buffer, INPUT_FIELDS);
  buffer.set(OUTPUT);
  assertPacket(buffer, OUTPUT_FIELDS);

  const moved = new Uint8Array(structuredClone(buffer.buffer, { transfer: [buffer.buffer] }));
  assert.throws(
    () => decodeIpqPacket(buffer),
    /TypeError: bytes is gone: its buffer was transferred/,
  );
  assertPacket(moved, OUTPUT_FIELDS);

  const resizable = new ArrayBuffer(INPUT.length, { maxByteLength: 8192 });
  const tracking = new Uint8Array(resizable);
  tracking.set(INPUT);
  assertPacket(tracking, INPUT_FIELDS);
  resizable.resize(150);
  assert.throws(() => decodeIpqPacket(tracking), WireError);
  resizable.resize(8192);
  tracking.set(OUTPUT);
  assertPacket(tracking, OUTPUT_FIELDS);

  const shared = new Uint8Array(new SharedArrayBuffer(256));
  shared.set(FULL);
  assertPacket(shared, FULL_FIELDS);
});

test("names and addresses that are longer than they may be", LIMIT, () => {
  const bytes = FULL.slice();
  bytes.fill(0x41, 52, 68);
  bytes.fill(0xff, 68, 84);
  bytes[88] = 200;
  assertPacket(bytes, {
    ...FULL_FIELDS,
    indevName: "A".repeat(16),
    outdevName: "\ufffd".repeat(16),
  });
  // What follows the NUL is no part of the name.
  bytes[53] = 0;
  assertPacket(bytes, { ...FULL_FIELDS, indevName: "A", outdevName: "\ufffd".repeat(16) });
});

test("numbers beyond 2⁵³ are rounded, ids and marks are not", LIMIT, () => {
  const bytes = FULL.slice();
  bytes.set(hex("ffffffffffffffff ffffffffffffffff ffffffffffffff7f 0000000000000080"), 16);
  assertPacket(bytes, {
    ...FULL_FIELDS,
    packetId: 2n ** 64n - 1n,
    mark: 2n ** 64n - 1n,
    timestampSeconds: 2 ** 63,
    timestampMicroseconds: -(2 ** 63),
  });
  // A mark with nothing in one half is still a mark.
  bytes.set(hex("00000000 01000000"), 24);
  assert.equal(decodeIpqPacket(bytes)!.mark, 0x1_0000_0000n);
  bytes.set(hex("01000000 00000000"), 24);
  assert.equal(decodeIpqPacket(bytes)!.mark, 1n);
});

test("what is no packet is null, what is a lying one throws", LIMIT, () => {
  assert.equal(decodeIpqPacket(MODE_EINVAL), null);
  assert.equal(decodeIpqPacket(hex(VERDICT_12345)), null);
  assert.equal(decodeIpqPacket(hex("00000000 1301 0000 00000000 00000000")), null);

  for (let end = 0; end < INPUT.length; end++) {
    assert.throws(() => decodeIpqPacket(INPUT.subarray(0, end)), WireError, `cut at ${end}`);
  }
  const lies: [string, number, string][] = [
    ["length 111", 0, "6f000000"],
    ["length 0", 0, "00000000"],
    ["one byte more than there is", 0, "c5000000"],
    ["length 2³²−1", 0, "ffffffff"],
    ["payload one byte too long", 104, "5500000000000000"],
    ["payload of 2³² and 84", 104, "5400000001000000"],
    ["payload of 2⁶⁴−1", 104, "ffffffffffffffff"],
    ["a message too short for its payload", 0, "c3000000"],
  ];
  for (const [name, at, bytes] of lies) {
    const lying = INPUT.slice();
    lying.set(hex(bytes), at);
    const isSane = (error: unknown) => error instanceof WireError && error.have >= 0;
    assert.throws(() => decodeIpqPacket(embed(lying, 0)), isSane, name);
  }
});

test("the header of the fast path writes the same bytes", LIMIT, () => {
  const header = new IpqPacketHeader();
  const nothing = hex(`70000000 13000000 ${"00".repeat(104)}`);
  assert.deepEqual(own(header.bytes), nothing);
  const address = new DataView(hex("ffffff 0102030405060708 ffffffff").buffer);

  /** Fields in which every bit is set somewhere, then the observed ones: no old value remains. */
  header.setPacketId(0xffffffff);
  header.setMark(0xffffffff);
  header.setTimestamp(-1, Number.MAX_SAFE_INTEGER);
  header.setHook(0xffffffff);
  header.setIndevName(new Uint8Array(16).fill(0xff));
  header.setOutdevName(new Uint8Array(40).fill(0xff));
  header.setHwProtocol(0xffff);
  header.setHwType(0xffff);
  header.setHwAddress(address, 3, 200);
  assert.equal(header.setDataLength(65535), 112 + 65536);
  assert.deepEqual(
    own(header.bytes),
    hex(`70000100 13000000 00000000 00000000
      ffffffff00000000 ffffffff00000000 ffffffffffffffff ffffffffffff1f00
      ffffffff ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff
      ffff ffff 08 0102030405060708 00000000000000 ffff000000000000`),
  );

  for (const fields of [INPUT_FIELDS, OUTPUT_FIELDS]) {
    header.setPacketId(7);
    header.setMark(0x80000001);
    header.setTimestamp(fields.timestampSeconds, fields.timestampMicroseconds);
    header.setHook(fields.hook);
    header.setIndevName(ipqDeviceName(fields.indevName));
    header.setOutdevName(new TextEncoder().encode(fields.outdevName));
    header.setHwProtocol(fields.hwProtocol);
    header.setHwType(fields.hwType);
    header.setHwAddress(address, 3, fields.hwAddress.length);
    const hwAddress = hex("0102030405060708").slice(0, fields.hwAddress.length);
    assert.equal(header.setDataLength(84), 196);
    const expected = encodeIpqPacket({ ...fields, packetId: 7n, mark: 0x80000001n, hwAddress });
    assert.deepEqual(own(header.bytes), own(expected.subarray(0, 112)));
  }
  assert.equal(header.setDataLength(0), 112);
  assert.equal(header.setDataLength(1), 116);
});
