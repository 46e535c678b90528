// Any sequence of edits: every length and checksum is what a full computation gives, nothing but the
// documented errors comes out, and no byte outside the packet is touched.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  finishChecksums,
  type Layers,
  parseLayers,
  type TcpOption,
  WireError,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting, packetOf, PACKETS, PLAIN_FIELDS, STRUCTURE_FIELDS, viewOf } from "./edits.ts";
import { embed, LIMIT, mutated, noise, own } from "./samples.ts";

/** One edit. */
interface Edit {
  readonly name: string;
  readonly act: (layers: Layers) => void;
}

const word = fc.oneof(
  fc.constantFrom(0, 1, 0xffff, 0x8000, 0xfffe),
  fc.integer({ min: 0, max: 0xffff }),
);

const plainEdit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom(...PLAIN_FIELDS), fc.nat(), word)
  .map(([field, pick, number]) => ({
    name: `${field.layer}.${field.name}`,
    act: (layers) => {
      const view = viewOf(layers, field.layer);
      if (view === undefined || view[field.name] === undefined) return;
      const listed = field.values[pick % field.values.length];
      const small = typeof listed === "number" && field.bytes[1] - field.bytes[0] === 2;
      view[field.name] = small && field.values.includes(0xffff) ? number : listed;
    },
  }));

const structureEdit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom(...STRUCTURE_FIELDS), fc.nat())
  .map(([field, pick]) => ({
    name: `${field.layer}.${field.name}`,
    act: (layers) => {
      const view = viewOf(layers, field.layer);
      if (view !== undefined) view[field.name] = field.values[pick % field.values.length];
    },
  }));

const data = fc.oneof(
  fc.nat({ max: 80 }).map((length) => counting(length)),
  fc.uint8Array({ maxLength: 30 }),
  fc.nat({ max: 9 }).map((length) => new Uint8Array(length)),
);

const payloadEdit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom("set", "cut", "swap"), data).map(
  ([how, bytes]) => ({
    name: `payload ${how}`,
    act: ({ tcp, udp, icmp, icmpv6 }) => {
      const view = tcp ?? udp ?? icmp ?? icmpv6;
      if (view === undefined) return;
      if (how === "set") view.payload = bytes;
      // A part of itself, and itself backwards.
      else if (how === "cut") view.payload = view.payload.subarray(bytes.length % 7);
      else view.payload = view.payload.slice().reverse();
    },
  }),
);

const option: fc.Arbitrary<TcpOption> = fc.oneof(
  fc.constant({ kind: 1, data: new Uint8Array() }),
  fc.record({ kind: fc.integer({ min: 2, max: 255 }), data: fc.uint8Array({ maxLength: 10 }) }),
);

const tcpEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc.option(word, { nil: undefined }).map((value): Edit["act"] => ({ tcp }) => {
    if (tcp !== undefined) tcp.mss = value;
  }),
  fc.option(fc.nat({ max: 14 }), { nil: undefined }).map((value): Edit["act"] => ({ tcp }) => {
    if (tcp !== undefined) tcp.windowScale = value;
  }),
  fc.boolean().map((value): Edit["act"] => ({ tcp }) => {
    if (tcp !== undefined) tcp.sackPermitted = value;
  }),
  fc.tuple(word, fc.boolean()).map(([value, there]): Edit["act"] => ({ tcp }) => {
    if (tcp === undefined) return;
    tcp.timestamps = there ? { value: value * 65536, echoReply: value } : undefined;
    tcp.sack = there ? undefined : [{ left: value, right: 0xffffffff }];
  }),
  fc.array(option, { maxLength: 5 }).map((list): Edit["act"] => ({ tcp, ipv4 }) => {
    if (tcp !== undefined) tcp.optionList = list;
    else if (ipv4 !== undefined) {
      ipv4.optionList = list.map(({ kind, data }) => ({ type: kind, data }));
    }
  }),
  fc.uint8Array({ maxLength: 40 }).map((bytes): Edit["act"] => ({ tcp, ipv4 }) => {
    if (bytes.length % 2 === 0 && tcp !== undefined) tcp.options = bytes;
    else if (ipv4 !== undefined) ipv4.options = bytes;
  }),
).map((act) => ({ name: "options", act }));

const extensionEdit: fc.Arbitrary<Edit> = fc.tuple(
  fc.constantFrom("hopByHopOptions", "destinationOptions", "routing", "authentication", "none"),
  fc.uint8Array({ maxLength: 12 }),
  fc.boolean(),
).map(([name, bytes, there]) => ({
  name,
  act: ({ ipv6 }) => {
    if (ipv6 === undefined) return;
    const list = there
      ? [{ type: 9, data: bytes }, { type: 0, data: new Uint8Array() }]
      : undefined;
    const segment = new Uint8Array(4 + 16 * (bytes.length % 3)).fill(bytes[0] ?? 0);
    if (name === "hopByHopOptions") ipv6.hopByHopOptions = list;
    else if (name === "destinationOptions") ipv6.destinationOptions = list;
    else if (name === "none") ipv6.extensions = there ? [] : ipv6.extensions;
    else if (name === "routing") {
      const routing = { type: bytes.length % 5, segmentsLeft: bytes.length % 2, data: segment };
      ipv6.routing = there ? routing : undefined;
    } else {
      ipv6.authentication = there
        ? { securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue: counting(8) }
        : undefined;
    }
  },
}));

const fragmentEdit: fc.Arbitrary<Edit> = fc.tuple(fc.nat({ max: 3 }), fc.boolean()).map(
  ([offset, moreFragments]) => ({
    name: "fragment",
    act: ({ ipv6 }) => {
      if (ipv6 === undefined) return;
      const value = { offset: 8 * offset, moreFragments, identification: 0xfeedbeef };
      ipv6.fragment = offset === 3 ? undefined : value;
    },
  }),
);

const keptEdit = fc.oneof(plainEdit, payloadEdit, tcpEdit, extensionEdit);
const anyEdit = fc.oneof(keptEdit, structureEdit, fragmentEdit);
const names = fc.constantFrom(...Object.keys(PACKETS));

/** Runs an edit; what it throws must be documented and must have changed nothing. */
function run({ name, act }: Edit, layers: Layers): void {
  const before = own(layers.bytes.subarray());
  try {
    act(layers);
  } catch (error) {
    const known = error instanceof RangeError || error instanceof TypeError ||
      error instanceof WireError;
    assert.ok(known, `${name}: ${error}`);
    if (name !== "options") assert.deepEqual(own(layers.bytes.subarray()), before, name);
  }
}

/** Each length field tells how long its part is. */
function checkLengths(layers: Layers, name: string): void {
  const { ipv4, ipv6, tcp, udp, bytes: frame } = layers;
  if (ipv4 !== undefined) assert.equal(ipv4.totalLength, frame.length, name);
  if (ipv6 !== undefined) assert.equal(40 + ipv6.payloadLength, frame.length, name);
  const rest = frame.length - (ipv4 ?? ipv6)!.headerLength;
  if (udp !== undefined) assert.equal(udp.length, rest, name);
  if (tcp !== undefined) assert.equal(tcp.headerLength + tcp.payload.length, rest, name);
}

function checkSums(layers: Layers, name: string): void {
  const bytes = own(layers.bytes.subarray());
  const expected = finishChecksums(bytes.slice());
  const { udp, ip } = layers;
  if (udp?.checksum === 0) expected.set([0, 0], ip!.headerLength + 6);
  assert.deepEqual(bytes, expected, name);
}

test("edits that keep the structure: lengths and checksums", LIMIT, () => {
  fc.assert(
    fc.property(names, fc.array(keptEdit, { maxLength: 12 }), (packet, edits) => {
      const bytes = packetOf(packet);
      const inside = embed(bytes, 0xee, 256);
      const layers = parseLayers(inside);
      const done = [packet];
      for (const edit of edits) {
        done.push(edit.name);
        run(edit, layers);
        checkLengths(layers, done.join(", "));
        checkSums(layers, done.join(", "));
        assert.equal(layers.malformed, undefined, done.join(", "));
      }
      // The views see what a fresh look at the bytes sees.
      const again = parseLayers(own(layers.bytes.subarray()));
      assert.deepEqual(again.ip?.headerLength, layers.ip?.headerLength);
      assert.deepEqual(own(again.ip?.payload), own(layers.ip?.payload));
      assert.deepEqual(again.tcp?.optionList, layers.tcp?.optionList);
      assertAround(inside, bytes.length);
    }),
    { numRuns: runs(4000) },
  );
});

test("all edits, those too that lie about lengths and layers: checksums", LIMIT, () => {
  fc.assert(
    fc.property(names, fc.array(anyEdit, { maxLength: 12 }), (packet, edits) => {
      const bytes = packetOf(packet);
      const inside = embed(bytes, 0xee, 256);
      const layers = parseLayers(inside);
      const done = [packet];
      let unsummed = false;
      for (const edit of edits) {
        done.push(edit.name);
        run(edit, layers);
        // A protocol that is now UDP may have found zeros in the checksum's place, and kept them.
        unsummed ||= layers.udp?.checksum === 0;
        if (!unsummed) checkSums(layers, done.join(", "));
      }
      assertAround(inside, bytes.length);
    }),
    { numRuns: runs(4000) },
  );
});

test("any bytes, any edits: documented errors, and nothing outside is touched", LIMIT, () => {
  const samples = Object.keys(PACKETS).map(packetOf);
  const input = fc.oneof(mutated(fc.constantFrom<Uint8Array>(...samples)), noise(120));
  const protocol = fc.constantFrom(0, 0x800, 0x86dd, 0x806);
  fc.assert(
    fc.property(input, protocol, fc.array(anyEdit, { maxLength: 8 }), (bytes, protocol, edits) => {
      const inside = embed(bytes, 0xee, 256);
      const layers = parseLayers(inside, { protocol });
      for (const edit of edits) {
        run(edit, layers);
        if (layers.arp !== undefined) {
          layers.arp.operation = 2;
          layers.arp.senderHardwareBytes = layers.arp.targetHardwareBytes.slice();
          layers.arp.hardwareLength = 0;
        }
      }
      assertAround(inside, bytes.length);
    }),
    { numRuns: runs(6000) },
  );
});

function assertAround(inside: Uint8Array, length: number): void {
  const { buffer } = inside;
  const before = new Uint8Array(buffer, 0, 256);
  const behind = new Uint8Array(buffer, 256 + length);
  assert.equal(behind.length, 256);
  for (const margin of [before, behind]) assert.ok(margin.every((byte) => byte === 0xee));
}
