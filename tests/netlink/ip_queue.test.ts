// Every message but the packet, and what the encoders refuse, against what was on the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/base/errors.ts";
import {
  decodeIpqMode,
  decodeIpqVerdict,
  encodeIpqError,
  encodeIpqMode,
  encodeIpqVerdict,
  ipqMessageError,
  ipqMessageType,
} from "../../src/netlink/ip_queue/messages.ts";
import { encodeIpqPacket } from "../../src/netlink/ip_queue/packet.ts";
import {
  MODE_77,
  MODE_EINVAL,
  MODE_PACKET_4096,
  OUTPUT,
  OUTPUT_FIELDS,
  STACK,
  VERDICT_12345,
  VERDICT_99,
  VERDICT_EINVAL,
  VERDICT_ENOENT,
} from "./ip_queue_samples.ts";
import { embed, hex, LIMIT, own } from "../packet/samples.ts";

test("type and error of a message", LIMIT, () => {
  assert.equal(ipqMessageType(MODE_EINVAL), 2);
  assert.equal(ipqMessageType(OUTPUT), 0x13);
  assert.equal(ipqMessageType(hex("00000000 ffee 0000 00000000 00000000")), 0xeeff);
  assert.throws(() => ipqMessageType(OUTPUT.subarray(0, 15)), WireError);

  assert.equal(ipqMessageError(MODE_EINVAL), 22);
  assert.equal(ipqMessageError(VERDICT_ENOENT), 2);
  assert.equal(ipqMessageError(VERDICT_EINVAL), 22);
  assert.equal(ipqMessageError(hex("14000000 0200 0000 00000000 00000000 00000000")), 0);
  assert.throws(() => ipqMessageError(OUTPUT), WireError);
  assert.throws(
    () => ipqMessageError(hex("13000000 0200 0000 00000000 00000000 ffffffff")),
    WireError,
  );
  for (let end = 0; end < MODE_EINVAL.length; end++) {
    assert.throws(() => ipqMessageError(MODE_EINVAL.subarray(0, end)), WireError);
  }
});

test("modes, verdicts and errors as they were on the wire", LIMIT, () => {
  const zeros = "00000000000000000000000000000000";
  const mode77 = { mode: 77, range: 0n, portId: 66 };
  const mode4096 = { mode: 2, range: 4096, portId: 66 };
  assert.deepEqual(own(encodeIpqMode(mode77)), hex(MODE_77 + zeros));
  assert.deepEqual(own(encodeIpqMode(mode4096)), hex(MODE_PACKET_4096 + zeros));
  assert.deepEqual(decodeIpqMode(hex(MODE_77 + STACK)), mode77);
  assert.deepEqual(decodeIpqMode(hex(MODE_PACKET_4096 + STACK)), { ...mode4096, range: 4096n });

  const accept = { id: 12345n, verdict: 1, portId: 66 };
  assert.deepEqual(own(encodeIpqVerdict(accept)), hex(VERDICT_12345));
  assert.deepEqual(own(encodeIpqVerdict({ ...accept, verdict: 99 })), hex(VERDICT_99));
  assert.deepEqual(decodeIpqVerdict(hex(VERDICT_99)), {
    ...accept,
    verdict: 99,
    dataLength: 0n,
    payload: hex(""),
  });

  const request = hex(MODE_77 + STACK);
  assert.deepEqual(own(encodeIpqError({ error: 22, portId: 66, request })), MODE_EINVAL);
  const refused = { error: 2, portId: 66, request: hex(VERDICT_12345) };
  assert.deepEqual(own(encodeIpqError(refused)), VERDICT_ENOENT);
  assert.deepEqual(
    own(encodeIpqError({ ...refused, error: 22, request: hex(VERDICT_99) })),
    VERDICT_EINVAL,
  );
});

test("an error that answers an odd number of bytes is padded", LIMIT, () => {
  const request = encodeIpqVerdict({ id: 1n, verdict: 1, portId: 2, payload: hex("414243") });
  const bytes = encodeIpqError({ error: 1, portId: 2, request });
  assert.equal(bytes.length, 64);
  assert.equal(bytes[0], 63);
  assert.deepEqual(own(bytes.subarray(20, 63)), own(request));
  assert.equal(ipqMessageError(bytes), 1);
});

test("a verdict with a payload, and one that only states a length", LIMIT, () => {
  const message = { id: 0xffff88003dd77060n, verdict: 1, portId: 7, payload: hex("414243") };
  const bytes = encodeIpqVerdict(message);
  assert.deepEqual(
    own(bytes),
    hex(`2b000000 1200 0100 00000000 07000000
      01000000 00000000 6070d73d0088ffff 0300000000000000 414243`),
  );
  assert.deepEqual(own(decodeIpqVerdict(embed(bytes, 0x99)).payload), message.payload);
  const longer = new Uint8Array(new ArrayBuffer(64)).fill(0x99);
  longer.set(bytes);
  assert.deepEqual(own(decodeIpqVerdict(longer).payload), message.payload);
  const stated = encodeIpqVerdict({ id: 1n, verdict: 1, portId: 7, dataLength: 2n ** 64n - 1n });
  assert.equal(stated.length, 40);
  assert.equal(decodeIpqVerdict(stated).dataLength, 2n ** 64n - 1n);
});

test("what the encoders refuse", LIMIT, () => {
  const mode = { mode: 2, range: 0, portId: 1 };
  const verdict = { id: 1n, verdict: 1, portId: 1 };
  const error = { error: 1, portId: 1, request: hex("") };
  const encoders: [string, (change: object) => unknown, [string, unknown][]][] = [
    ["mode", (change) => encodeIpqMode({ ...mode, ...change }), [
      ["mode", 256],
      ["mode", -1],
      ["mode", "2"],
      ["range", -1],
      ["range", -1n],
      ["range", 1.5],
      ["range", 2 ** 64],
      ["range", 2n ** 64n],
      ["range", "1"],
      ["range", undefined],
      ["portId", 2 ** 32],
      ["portId", 1n],
    ]],
    ["verdict", (change) => encodeIpqVerdict({ ...verdict, ...change }), [
      ["id", 1],
      ["id", -1n],
      ["id", 2n ** 64n],
      ["verdict", 2 ** 32],
      ["verdict", 1n],
      ["dataLength", -1],
      ["dataLength", NaN],
      ["dataLength", true],
      ["portId", -1],
      ["payload", "text"],
      ["payload", [1]],
    ]],
    ["error", (change) => encodeIpqError({ ...error, ...change }), [
      ["error", 0],
      ["error", -22],
      ["error", 4096],
      ["error", undefined],
      ["portId", 1.5],
      ["request", null],
    ]],
    ["packet", (change) => encodeIpqPacket({ ...OUTPUT_FIELDS, ...change }), [
      ["packetId", 1],
      ["packetId", 2n ** 64n],
      ["mark", 0],
      ["mark", -1n],
      ["timestampSeconds", 0.5],
      ["timestampSeconds", 2 ** 53],
      ["timestampMicroseconds", 0n],
      ["hook", -1],
      ["indevName", "abcdefghijklmnop"],
      ["indevName", "a\0"],
      ["outdevName", "é".repeat(8)],
      ["outdevName", undefined],
      ["hwProtocol", 65536],
      ["hwType", -1],
      ["hwAddress", new Uint8Array(9)],
      ["hwAddress", undefined],
      ["dataLength", 83],
      ["dataLength", 85],
      ["dataLength", 84n],
      ["payload", undefined],
    ]],
  ];
  for (const [name, encode, refusals] of encoders) {
    for (const [field, value] of refusals) {
      const isField = (error: unknown) => {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        assert.ok(error.message.startsWith(`${field} must `), error.message);
        return true;
      };
      assert.throws(() => encode({ [field]: value }), isField, `${name}: ${field}`);
    }
  }
  for (const range of [2 ** 53, 2 ** 63, 2n ** 64n - 1n]) {
    assert.equal(decodeIpqMode(encodeIpqMode({ ...mode, range })).range, BigInt(range));
  }
});
