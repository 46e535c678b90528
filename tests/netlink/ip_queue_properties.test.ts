import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
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
import { IpqPacketHeader } from "../../src/netlink/ip_queue/header.ts";
import { ipqDeviceName } from "../../src/netlink/ip_queue/device_name.ts";
import {
  decodeIpqPacket,
  encodeIpqPacket,
  type IpqPacketMessage,
} from "../../src/netlink/ip_queue/packet.ts";
import { align4 } from "../../src/netlink/message.ts";
import { embed, LIMIT, mutated, noise, own, u16, u32, u8 } from "../packet/samples.ts";
import { runs } from "../support/runtime/quick.ts";

const u64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 1n << 32n));
const i53 = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constant(0));
/** At most 15 bytes of UTF-8; few of them, so that the remembered names are hit and missed. */
const name = fc.oneof(
  fc.constantFrom("", "lo", "eth0", "abcdefghijklmno", "brücke0"),
  fc.string({ unit: "grapheme", maxLength: 15 }).filter((text) =>
    text.isWellFormed() && !text.includes("\0") && new TextEncoder().encode(text).length < 16
  ),
);

const packet: fc.Arbitrary<IpqPacketMessage> = fc.record({
  packetId: u64,
  mark: u64,
  timestampSeconds: i53,
  timestampMicroseconds: i53,
  hook: u32,
  indevName: name,
  outdevName: name,
  hwProtocol: u16,
  hwType: u16,
  hwAddress: noise(8),
  payload: noise(),
}, { noNullPrototype: true }).map((fields) => ({ ...fields, dataLength: fields.payload.length }));
const mode = fc.record({ mode: u8, range: u64, portId: u32 }, { noNullPrototype: true });
const verdict = fc.record({
  id: u64,
  verdict: u32,
  dataLength: u64,
  portId: u32,
  payload: noise(),
}, { noNullPrototype: true });
const refusal = fc.record({
  error: fc.integer({ min: 1, max: 4095 }),
  portId: u32,
  request: fc.oneof(mode.map(encodeIpqMode), verdict.map(encodeIpqVerdict)),
});

/** Plain arrays of their own: some runtimes compare more than the bytes. */
function plain<T extends object>(message: T): T {
  const entries = Object.entries(message).map(([key, value]) => [
    key,
    value instanceof Uint8Array ? own(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

test("encode, then decode, is the identity", LIMIT, () => {
  fc.assert(fc.property(packet, u8, (message, fill) => {
    const bytes = encodeIpqPacket(message);
    assert.equal(bytes.length, align4(112 + message.payload.length));
    const decoded = decodeIpqPacket(embed(bytes, fill));
    assert.deepEqual(plain(decoded!), message);
  }));
  fc.assert(fc.property(mode, (m) => assert.deepEqual(decodeIpqMode(encodeIpqMode(m)), m)));
  fc.assert(
    fc.property(
      verdict,
      (v) => assert.deepEqual(plain(decodeIpqVerdict(embed(encodeIpqVerdict(v), 0xff))), v),
    ),
  );
  fc.assert(fc.property(refusal, (message) => {
    const bytes = encodeIpqError(message);
    assert.equal(ipqMessageType(bytes), 2);
    assert.equal(ipqMessageError(bytes), message.error);
    assert.deepEqual(own(bytes.subarray(20, 20 + message.request.length)), own(message.request));
    assert.equal(decodeIpqPacket(bytes), null);
  }));
});

test("decode, then encode, is the identity of whole packet messages", LIMIT, () => {
  const bytes = packet.map(encodeIpqPacket);
  fc.assert(
    fc.property(
      bytes,
      (whole) => assert.deepEqual(encodeIpqPacket(decodeIpqPacket(whole)!), whole),
    ),
  );
});

test("the header of the fast path agrees with the encoder, whatever was in it", LIMIT, () => {
  const header = new IpqPacketHeader();
  const fields = fc.tuple(packet, u32, u32, fc.nat({ max: 9 }));
  fc.assert(fc.property(fields, ([message, id, mark, before]) => {
    const { hwAddress, payload } = message;
    header.setPacketId(id);
    header.setMark(mark);
    header.setTimestamp(message.timestampSeconds, message.timestampMicroseconds);
    header.setHook(message.hook);
    header.setIndevName(ipqDeviceName(message.indevName));
    header.setOutdevName(new TextEncoder().encode(message.outdevName));
    header.setHwProtocol(message.hwProtocol);
    header.setHwType(message.hwType);
    const around = embed(hwAddress, 0xee, before);
    header.setHwAddress(new DataView(around.buffer), before, hwAddress.length);
    const length = header.setDataLength(payload.length);
    const whole = encodeIpqPacket({ ...message, packetId: BigInt(id), mark: BigInt(mark) });
    assert.equal(length, whole.length);
    assert.deepEqual(own(header.bytes), own(whole.subarray(0, 112)));
  }));
});

type Decoder = (bytes: Uint8Array) => unknown;
/** Each decoder, a source of valid input, and how it is called. */
const decoders: [string, fc.Arbitrary<Uint8Array>, Decoder][] = [
  ["decodeIpqPacket", packet.map(encodeIpqPacket), decodeIpqPacket],
  ["decodeIpqMode", mode.map(encodeIpqMode), decodeIpqMode],
  ["decodeIpqVerdict", verdict.map(encodeIpqVerdict), decodeIpqVerdict],
  ["ipqMessageType", packet.map(encodeIpqPacket), ipqMessageType],
  ["ipqMessageError", refusal.map(encodeIpqError), ipqMessageError],
];

/** The result, or what the WireError says; anything else thrown fails the test. */
function outcome(decode: Decoder, bytes: Uint8Array): unknown {
  try {
    const result = decode(bytes);
    if (typeof result !== "object" || result === null) return result;
    for (const value of Object.values(result)) {
      if (value instanceof Uint8Array) assertInside(value, bytes);
    }
    return plain(result);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    assert.ok(error.offset >= 0 && error.offset <= bytes.length, error.message);
    for (const size of [error.need, error.have]) {
      assert.ok(Number.isInteger(size) && size >= 0, error.message);
    }
    return error.message;
  }
}

/** What is borrowed lies in the bytes that were given, and nowhere else in their buffer. */
function assertInside(part: Uint8Array, bytes: Uint8Array): void {
  if (part.length === 0) return;
  assert.equal(part.buffer, bytes.buffer);
  assert.ok(part.byteOffset >= bytes.byteOffset);
  assert.ok(part.byteOffset + part.length <= bytes.byteOffset + bytes.length);
}

/** A read outside would see different bytes around the message. */
function assertReadsInside(decode: Decoder, bytes: Uint8Array): unknown {
  const first = outcome(decode, embed(bytes, 0x00));
  assert.deepEqual(outcome(decode, embed(bytes, 0xff)), first);
  assert.deepEqual(outcome(decode, bytes), first);
  return first;
}

for (const [decoder, valid, decode] of decoders) {
  test(`${decoder} returns or throws WireError, and reads nothing outside`, LIMIT, () => {
    const input = fc.oneof(mutated(valid), noise());
    fc.assert(fc.property(input, (bytes) => void assertReadsInside(decode, bytes)), {
      numRuns: runs(1000),
    });
  });

  test(`${decoder} refuses every truncation of a valid message`, LIMIT, () => {
    fc.assert(
      fc.property(valid, (bytes) => {
        const stated = new DataView(bytes.buffer).getUint32(0, true);
        const least = decode === ipqMessageType ? 16 : stated;
        for (let end = 0; end < least; end++) {
          const cut = assertReadsInside(decode, bytes.subarray(0, end));
          assert.ok(typeof cut === "string", `cut at ${end}: ${cut}`);
        }
        assert.notEqual(typeof outcome(decode, bytes), "string");
      }),
      { numRuns: runs(10) },
    );
  });

  test(`${decoder} refuses lengths that lie`, LIMIT, () => {
    const near = fc.integer({ min: -4, max: 4 });
    const lengths = fc.oneof(
      u32,
      fc.nat({ max: 400 }),
      fc.tuple(fc.constantFrom(16, 20, 40, 112), near).map(([least, by]) => least + by),
    );
    fc.assert(
      fc.property(valid, lengths, u64, (bytes, length, dataLength) => {
        const lying = bytes.slice();
        const view = new DataView(lying.buffer);
        view.setUint32(0, length, true);
        if (decode === decodeIpqPacket) view.setBigUint64(104, dataLength, true);
        const result = assertReadsInside(decode, lying);
        if (decode === ipqMessageType) assert.equal(typeof result, "number");
        else if (length > lying.length) assert.equal(typeof result, "string");
        if (decode === decodeIpqVerdict && typeof result === "object") {
          assert.equal((result as { payload: Uint8Array }).payload.length, length - 40);
        }
        if (decode !== decodeIpqPacket) return;
        const fits = length >= 112 && length <= lying.length && dataLength <= BigInt(length - 112);
        assert.equal(typeof result === "string", !fits);
      }),
      { numRuns: runs(500) },
    );
  });
}
