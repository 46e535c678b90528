// The C library as a judge of src/netlink: queue messages, byte for byte, and what is read of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemError } from "../../src/linux/errno.ts";
import { NlmsgBuilder } from "../../src/libnetfilter_queue/nlmsg_builder.ts";
import { WireError } from "../../src/packet/mod.ts";
import {
  ATTRIBUTE_STRIDE,
  attributeLength,
  decodePacketMessage,
  encodeConfig,
  encodePacketMessage,
  encodeVerdict,
  encodeVerdictBatch,
  indexPacketMessage,
  MAX_ATTRIBUTE_PAYLOAD,
  MESSAGE_OK,
  netlinkAttributes,
  NFQA,
  NFQNL_MSG,
  QUEUE_MESSAGE,
  type QueuePacketMessage,
} from "../../src/netlink/mod.ts";
import { mutated, noise, u16, u32, u8 } from "../packet/samples.ts";
import { isQuick, runs } from "../support/runtime/quick.ts";
import { randomBytes } from "./packet_samples.ts";

const LIMIT = { timeout: 60_000 } as const;

/** 1.0.5's NFQA_MAX. What a newer library knows more of only adds to what is compared. */
const KNOWN = NFQA.SECCTX;
/** A payload, mostly short, sometimes the longest. */
const payload = fc.tuple(
  fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 65_500, max: MAX_ATTRIBUTE_PAYLOAD }) },
  ),
  fc.nat(),
).map(([length, seed]) => randomBytes(length, seed));

const builder = new NlmsgBuilder();

test("verdicts are nfq_nlmsg_verdict_put's bytes", LIMIT, () => {
  const verdict = fc.record({ queue: u16, id: u32, verdict: u32, mark: u32, payload }, {
    requiredKeys: ["queue", "id", "verdict"],
  });
  fc.assert(
    fc.property(verdict, (message) => {
      builder.nfq_nlmsg_put(NFQNL_MSG.VERDICT, message.queue);
      builder.nfq_nlmsg_verdict_put(message.id, message.verdict);
      if (message.mark !== undefined) builder.nfq_nlmsg_verdict_put_mark(message.mark);
      if (message.payload !== undefined) builder.nfq_nlmsg_verdict_put_pkt(message.payload);
      assert.deepEqual(encodeVerdict(message), builder.message());
    }),
    { numRuns: runs(5000) },
  );
});

test("batch verdicts are nfq_nlmsg_verdict_put's bytes", LIMIT, () => {
  const batch = fc.record({ queue: u16, id: u32, verdict: u32, mark: u32 }, {
    requiredKeys: ["queue", "id", "verdict"],
  });
  fc.assert(
    fc.property(batch, (message) => {
      builder.nfq_nlmsg_put(NFQNL_MSG.VERDICT_BATCH, message.queue);
      builder.nfq_nlmsg_verdict_put(message.id, message.verdict);
      if (message.mark !== undefined) builder.nfq_nlmsg_verdict_put_mark(message.mark);
      assert.deepEqual(encodeVerdictBatch(message), builder.message());
    }),
    { numRuns: runs(3000) },
  );
});

test("configurations are nfq_nlmsg_cfg_put_…'s bytes", LIMIT, () => {
  const config = fc.record({
    queue: u16,
    command: fc.option(fc.record({ command: u8, family: u16 })),
    copy: fc.option(fc.record({ copyMode: u8, copyRange: u32 })),
    maxLength: fc.option(u32),
  });
  fc.assert(
    fc.property(config, ({ queue, command, copy, maxLength }) => {
      builder.nfq_nlmsg_put(NFQNL_MSG.CONFIG, queue);
      if (command) builder.nfq_nlmsg_cfg_put_cmd(command.family, command.command);
      if (copy) builder.nfq_nlmsg_cfg_put_params(copy.copyMode, copy.copyRange);
      if (maxLength !== null) builder.nfq_nlmsg_cfg_put_qmaxlen(maxLength);
      const ours = encodeConfig({
        queue,
        ...command,
        ...copy,
        ...(maxLength === null ? {} : { maxLength }),
      });
      assert.deepEqual(ours, builder.message());
    }),
    { numRuns: runs(3000) },
  );
});

const packet: fc.Arbitrary<QueuePacketMessage> = fc.record({
  family: u8,
  queue: u16,
  sequence: u32,
  id: u32,
  hwProtocol: u16,
  hook: u8,
  mark: u32,
  timestamp: fc.record({ seconds: fc.maxSafeNat(), microseconds: fc.maxSafeNat() }),
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
  // Four bytes with its NUL: 1.0.5 refuses every other length.
  securityContext: fc.stringMatching(/^[a-z]{3}$/),
  vlan: fc.record({ protocol: u16, tci: u16 }),
  layer2Header: noise(20),
  priority: u32,
  cgroupClassId: u32,
  conntrackInfo: u32,
  conntrack: noise(60),
  expectation: noise(60),
}, { requiredKeys: ["family", "queue", "sequence", "id", "hwProtocol", "hook"] });

/** What our own walk finds: the payload by type, of a repeated one the last. */
function ourAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = view.getUint32(0, true);
  for (const { type, offset, length } of netlinkAttributes(view, 20, end)) {
    found.set(type, bytes.slice(offset, offset + length));
  }
  return found;
}

/** The index of the fast path in the same form. */
function indexed(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = new Int32Array(ATTRIBUTE_STRIDE);
  assert.equal(indexPacketMessage(view, 0, bytes.length, table, 0), MESSAGE_OK);
  const found = new Map<number, Uint8Array>();
  for (let type = 1; type < ATTRIBUTE_STRIDE; type++) {
    const at = table[type]!;
    if (at !== 0) found.set(type, bytes.slice(at, at + attributeLength(view, at)));
  }
  return found;
}

function upTo(last: number, attributes: Map<number, Uint8Array>): [number, Uint8Array][] {
  return [...attributes].filter(([type]) => type <= last).sort(([a], [b]) => a - b)
    .map(([type, bytes]) => [type, Uint8Array.from(bytes)]);
}

test("nfq_nlmsg_parse finds what indexPacketMessage finds", LIMIT, () => {
  fc.assert(
    fc.property(packet, (message) => {
      const bytes = encodePacketMessage(message);
      const library = NlmsgBuilder.nfq_nlmsg_parse(bytes);
      assert.deepEqual(upTo(KNOWN, library), upTo(KNOWN, indexed(bytes)));
      const newer = [...library].filter(([type]) => type > KNOWN);
      for (const [type, value] of newer) assert.deepEqual(value, indexed(bytes).get(type));
      // And the decoder's numbers are in it.
      const header = library.get(NFQA.PACKET_HDR)!;
      assert.equal(new DataView(header.buffer).getUint32(0), message.id);
      const mark = library.get(NFQA.MARK);
      assert.equal(mark && new DataView(mark.buffer).getUint32(0), message.mark);
    }),
    { numRuns: runs(3000) },
  );
});

/** The lengths that the library wants, exactly; src/netlink wants these at least. */
const LENGTHS: Readonly<Record<number, number>> = {
  [NFQA.PACKET_HDR]: 7,
  [NFQA.MARK]: 4,
  [NFQA.TIMESTAMP]: 16,
  [NFQA.IFINDEX_INDEV]: 4,
  [NFQA.IFINDEX_OUTDEV]: 4,
  [NFQA.IFINDEX_PHYSINDEV]: 4,
  [NFQA.IFINDEX_PHYSOUTDEV]: 4,
  [NFQA.HWADDR]: 12,
  [NFQA.CT_INFO]: 4,
  [NFQA.CAP_LEN]: 4,
  [NFQA.SKB_INFO]: 4,
  [NFQA.UID]: 4,
  [NFQA.GID]: 4,
};

/** By how much the length of any attribute differs from what the library wants. */
function excesses(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [...netlinkAttributes(view, 20, view.getUint32(0, true))]
    .filter(({ type, length }) => length !== (LENGTHS[type] ?? length))
    .map(({ type, length }) => length - LENGTHS[type]!);
}

/** Well framed, with whatever types and lengths, some of them right. */
const framed = fc.array(
  fc.record({
    type: fc.oneof(fc.integer({ min: 1, max: 24 }), u16),
    right: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
    content: noise(20),
  }),
  { maxLength: 5 },
).map((attributes) => {
  const parts = attributes.map(({ type, right, content }) => {
    const length = right ? LENGTHS[type & 0x3fff] ?? content.length : content.length;
    const part = new Uint8Array((4 + length + 3) & ~3);
    part.set(content.subarray(0, length), 4);
    new DataView(part.buffer).setUint32(0, (type << 16 | 4 + length) >>> 0, true);
    return part;
  });
  const message = new Uint8Array(20 + parts.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, QUEUE_MESSAGE.PACKET, true);
  parts.reduce((at, part) => (message.set(part, at), at + part.length), 20);
  return message;
});

test("of damaged messages nfq_nlmsg_parse and src/netlink think the same", LIMIT, () => {
  const seen = { parsed: 0, framing: 0, lengths: 0 };
  const input = packet.map((message) => encodePacketMessage(withoutContext(message)));
  fc.assert(
    fc.property(fc.oneof(mutated(input), noise(), framed, mutated(framed)), (bytes) => {
      let library: Map<number, Uint8Array>;
      try {
        library = NlmsgBuilder.nfq_nlmsg_parse(bytes);
      } catch (error) {
        if (error instanceof RangeError) {
          seen.framing++;
          assert.throws(() => decodePacketMessage(bytes), WireError);
          return;
        }
        assert.ok(error instanceof SystemError && error.code === "ERANGE", `${error}`);
        seen.lengths++;
        const context = ourAttributes(bytes).has(NFQA.SECCTX);
        if (!context) assert.notDeepEqual(excesses(bytes), []);
        if (excesses(bytes).some((excess) => excess < 0)) {
          assert.throws(() => decodePacketMessage(bytes), WireError);
        }
        return;
      }
      seen.parsed++;
      assert.deepEqual(upTo(KNOWN, library), upTo(KNOWN, ourAttributes(bytes)));
      assert.deepEqual(excesses(bytes), []);
    }),
    { numRuns: runs(6000) },
  );
  assert.ok(Math.min(...Object.values(seen)) > (isQuick ? 0 : 50), JSON.stringify(seen));
});

function withoutContext(
  { securityContext: _, ...message }: QueuePacketMessage,
): QueuePacketMessage {
  return message;
}

test("the builder's messages read back through the library and through src/netlink", LIMIT, () => {
  builder.nfq_nlmsg_put(NFQNL_MSG.VERDICT, 7);
  builder.nfq_nlmsg_verdict_put(1, 2);
  builder.nfq_nlmsg_verdict_put_mark(3);
  builder.nfq_nlmsg_verdict_put_pkt(new Uint8Array([1, 2, 3, 4, 5]));
  const message = builder.message();
  assert.equal(new DataView(message.buffer).getUint16(4, true), QUEUE_MESSAGE.VERDICT);
  assert.deepEqual([...NlmsgBuilder.nfq_nlmsg_parse(message)], [...ourAttributes(message)]);
});
