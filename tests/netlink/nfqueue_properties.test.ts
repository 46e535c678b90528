import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeConntrack } from "../../src/netlink/conntrack/entry.ts";
import {
  decodeConntrackChange,
  decodeExpectation,
  encodeConntrackChange,
  encodeExpectation,
} from "../../src/netlink/conntrack/change.ts";
import { WireError } from "../../src/base/errors.ts";
import { viewOf } from "../../src/base/bytes.ts";
import { decodeError, netlinkAttributes, netlinkMessages } from "../../src/netlink/message.ts";
import { NFQA } from "../../src/netlink/queue/numbers.ts";
import {
  ATTRIBUTE_STRIDE,
  attributeLength,
  indexPacketMessage,
  MESSAGE_OK,
  MESSAGE_WITHOUT_ID,
  MINIMUM_LENGTH,
} from "../../src/netlink/queue/packet_index.ts";
import { decodeConfig, encodeConfig, type QueueConfig } from "../../src/netlink/queue/config.ts";
import {
  decodePacketMessage,
  encodePacketMessage,
  type QueuePacketMessage,
} from "../../src/netlink/queue/packet.ts";
import {
  decodeVerdict,
  decodeVerdictBatch,
  encodeVerdict,
  encodeVerdictBatch,
} from "../../src/netlink/queue/verdict.ts";
import { runs } from "../support/runtime/quick.ts";
import { conntrackChange, expectation } from "./conntrack_samples.ts";
import { embed, LIMIT, mutated, noise, u16, u32, u8 } from "../packet/samples.ts";

const verdictFields = { queue: u16, id: u32, verdict: u32, sequence: u32 };
const batch = fc.record({ ...verdictFields, mark: u32 }, {
  requiredKeys: ["queue", "id", "verdict", "sequence"],
  noNullPrototype: true,
});
const verdict = fc.record({
  ...verdictFields,
  ...{ mark: u32, payload: noise(), priority: u32, layer2Header: noise(20) },
  vlan: fc.record({ protocol: u16, tci: u16 }, { noNullPrototype: true }),
  conntrack: conntrackChange,
  expectation,
}, {
  requiredKeys: ["queue", "id", "verdict", "sequence"],
  noNullPrototype: true,
});

const config: fc.Arbitrary<QueueConfig> = fc.tuple(
  fc.record({ queue: u16, sequence: u32, acknowledge: fc.boolean() }),
  fc.option(fc.record({
    command: fc.oneof(
      fc.constantFrom("none", "bind", "unbind", "pf_bind", "pf_unbind"),
      fc.integer({ min: 5, max: 255 }),
    ),
    family: u16,
  })),
  fc.option(fc.record({
    copyMode: fc.oneof(
      fc.constantFrom("none", "meta", "packet"),
      fc.integer({ min: 3, max: 255 }),
    ),
    copyRange: u32,
  })),
  fc.record({ maxLength: u32 }, { requiredKeys: [], noNullPrototype: true }),
  fc.option(fc.record({ flags: u32, mask: u32 })),
).map(([head, command, copy, length, flags]) => ({
  ...head,
  ...command,
  ...copy,
  ...length,
  ...flags,
}));

const packet: fc.Arbitrary<QueuePacketMessage> = fc.record({
  family: u8,
  queue: u16,
  sequence: u32,
  id: u32,
  hwProtocol: u16,
  hook: u8,
  mark: u32,
  timestamp: fc.record({
    seconds: fc.maxSafeNat(),
    microseconds: fc.maxSafeNat(),
  }, { noNullPrototype: true }),
  inDeviceIndex: u32,
  outDeviceIndex: u32,
  physicalInDeviceIndex: u32,
  physicalOutDeviceIndex: u32,
  hardwareAddress: noise(8),
  payload: noise(),
  captureLength: u32,
  skbInfo: u32,
  uid: u32,
  gid: u32,
  securityContext: fc.string({ unit: "grapheme" }).filter((text) => !text.endsWith("\0")),
  vlan: fc.record({ protocol: u16, tci: u16 }, { noNullPrototype: true }),
  layer2Header: noise(20),
  priority: u32,
  cgroupClassId: u32,
  conntrackInfo: u32,
  conntrack: noise(60),
  expectation: noise(60),
}, {
  requiredKeys: ["family", "queue", "sequence", "id", "hwProtocol", "hook"],
  noNullPrototype: true,
});

test("encode, then decode, is the identity", LIMIT, () => {
  fc.assert(fc.property(verdict, (v) => assert.deepEqual(decodeVerdict(encodeVerdict(v)), v)));
  fc.assert(
    fc.property(batch, (v) => assert.deepEqual(decodeVerdictBatch(encodeVerdictBatch(v)), v)),
  );
  fc.assert(fc.property(conntrackChange, (change) => {
    assert.deepEqual(decodeConntrackChange(encodeConntrackChange(change)), change);
  }));
  fc.assert(fc.property(expectation, (one) => {
    assert.deepEqual(decodeExpectation(encodeExpectation(one)), one);
  }));
  fc.assert(fc.property(config, (c) => assert.deepEqual(decodeConfig(encodeConfig(c)), c)));
  fc.assert(
    fc.property(packet, (p) => assert.deepEqual(decodePacketMessage(encodePacketMessage(p)), p)),
    { numRuns: runs(300) },
  );
});

type Decoder = (bytes: Uint8Array) => unknown;
/** Each decoder, a source of valid input, and how it is called. */
const decoders: [string, fc.Arbitrary<Uint8Array>, Decoder][] = [
  ["decodePacketMessage", packet.map(encodePacketMessage), decodePacketMessage],
  ["decodeVerdict", verdict.map(encodeVerdict), decodeVerdict],
  ["decodeVerdictBatch", batch.map(encodeVerdictBatch), decodeVerdictBatch],
  ["decodeConfig", config.map(encodeConfig), decodeConfig],
  ["decodeError", noise(80), (bytes) => decodeError(viewOf(bytes), 0)],
  ["netlinkMessages", packet.map(encodePacketMessage), (bytes) => [...netlinkMessages(bytes)]],
  ["netlinkAttributes", packet.map((p) => encodePacketMessage(p).slice(20)), (bytes) => [
    ...netlinkAttributes(viewOf(bytes), 0, bytes.length),
  ]],
  ["decodeConntrackChange", conntrackChange.map(encodeConntrackChange), decodeConntrackChange],
  ["decodeExpectation", expectation.map(encodeExpectation), decodeExpectation],
  // Nearly every byte string of a conntrack entry is one of small attributes.
  ["decodeConntrack", fc.array(smallAttribute(), { maxLength: 6 }).map(join), decodeConntrack],
];

function smallAttribute(depth: number = 0): fc.Arbitrary<Uint8Array> {
  const inside = depth === 3
    ? noise(20)
    : fc.oneof(noise(20), fc.array(smallAttribute(depth + 1), { maxLength: 4 }).map(join));
  return fc.tuple(fc.integer({ min: 0, max: 24 }), inside).map(([type, payload]) => {
    const bytes = new Uint8Array(new ArrayBuffer((4 + payload.length + 3) & ~3));
    const view = viewOf(bytes);
    view.setUint16(0, 4 + payload.length, true);
    view.setUint16(2, type, true);
    bytes.set(payload, 4);
    return bytes;
  });
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(new ArrayBuffer(parts.reduce((sum, p) => sum + p.length, 0)));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The result, or the WireError; anything else thrown fails the test. */
function outcome(decode: Decoder, bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    assert.ok(error.offset >= 0 && error.offset <= bytes.length, error.message);
    assert.ok(Number.isInteger(error.need) && Number.isInteger(error.have), error.message);
    return error.message;
  }
}

test("every cut of a verdict is refused, or falls behind an attribute", LIMIT, () => {
  fc.assert(
    fc.property(verdict, (whole) => {
      const bytes = encodeVerdict(whole);
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.slice(0, length);
        assert.throws(() => decodeVerdict(cut), WireError);
        // The same with a header that knows of the cut.
        if (length < 20) continue;
        viewOf(cut).setUint32(0, length, true);
        const decoded = outcome(decodeVerdict, cut);
        if (typeof decoded === "string") continue;
        for (const [key, value] of Object.entries(decoded as object)) {
          assert.deepEqual(value, whole[key as keyof typeof whole]);
        }
      }
    }),
    { numRuns: runs(100) },
  );
});

for (const [name, valid, decode] of decoders) {
  test(`${name} returns or throws WireError, and reads nothing outside`, LIMIT, () => {
    const input = fc.oneof(mutated(valid), noise());
    fc.assert(
      fc.property(input, (bytes) => {
        // A read outside would see different bytes around the message.
        const first = outcome(decode, embed(bytes, 0x00));
        assert.deepEqual(outcome(decode, embed(bytes, 0xff)), first);
        assert.deepEqual(outcome(decode, bytes), first);
      }),
      { numRuns: runs(1000) },
    );
  });
}

test("the index never throws, stays inside, and agrees with the decoder", LIMIT, () => {
  const input = fc.oneof(mutated(packet.map(encodePacketMessage)), noise());
  fc.assert(
    fc.property(input, fc.nat({ max: 9 }), (bytes, before) => {
      const tables = [0x00, 0xff].map((fill) => {
        const big = new Uint8Array(new ArrayBuffer(bytes.length + 64)).fill(fill);
        big.set(bytes, before);
        const table = new Int32Array(ATTRIBUTE_STRIDE + 2).fill(77);
        const end = before + bytes.length;
        const code = indexPacketMessage(new DataView(big.buffer), before, end, table, 1);
        assert.deepEqual([table[0], table[ATTRIBUTE_STRIDE + 1]], [77, 77]);
        return { code, table: [...table] };
      });
      assert.deepEqual(tables[0], tables[1]);
      const { code, table } = tables[0]!;
      const view = viewOf(bytes);
      for (let type = 1; type < ATTRIBUTE_STRIDE; type++) {
        if (table[1 + type] === 0) continue;
        const offset = table[1 + type]! - before;
        const length = attributeLength(view, offset);
        assert.ok(length >= MINIMUM_LENGTH[type]!);
        assert.ok(offset >= 24 && offset + length <= bytes.length);
      }
      if (code !== MESSAGE_OK) {
        assert.ok(code < 0 && code >= MESSAGE_WITHOUT_ID);
        assert.throws(() => decodePacketMessage(bytes), WireError);
        return;
      }
      assert.notEqual(table[1 + NFQA.PACKET_HDR], 0);
      const message = outcome(decodePacketMessage, bytes);
      if (typeof message === "string") assert.match(message, /^NFQA_VLAN/);
      else {
        const decoded = message as QueuePacketMessage;
        assert.equal(decoded.id, table[1]! >>> 0);
        assert.equal(decoded.mark === undefined, table[1 + NFQA.MARK] === 0);
        assert.equal(decoded.payload === undefined, table[1 + NFQA.PAYLOAD] === 0);
      }
    }),
    { numRuns: runs(3000) },
  );
});
