// Jumbograms (RFC 2675): where the length of a packet beyond 65,535 bytes stands while it is edited.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  finishChecksums,
  type Ipv6Option,
  type Ipv6View,
  type Layers,
  parseLayers,
} from "../../src/packet/mod.ts";
import { counting } from "./edits.ts";
import { LIMIT, own } from "./samples.ts";

const V6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const JUMBO = 0xc2;
const HEADER = 40;

type Upper = "udp" | "tcp" | "none";

const valueOf = ({ data }: Ipv6Option): number =>
  new DataView(data.buffer, data.byteOffset, data.length).getUint32(0);
const optionOf = (ipv6: Ipv6View): Ipv6Option | undefined =>
  ipv6.hopByHopOptions?.find(({ type }) => type === JUMBO);

/** A jumbogram with so much data. */
function jumbogram(upper: Upper, size: number, before: readonly number[] = []): Layers {
  const header = { udp: 8, tcp: 20, none: 0 }[upper];
  const extension = Math.ceil((2 + before.length + 6) / 8) * 8;
  const data = new Uint8Array(before.length + 6);
  data.set([...before, JUMBO, 4]);
  new DataView(data.buffer).setUint32(before.length + 2, extension + header + size);
  return parseLayers(finishChecksums(buildPacket({
    ipv6: {
      ...{ ...V6, payloadLength: 0, extensions: [{ protocol: 0, data }] },
      ...(upper === "none" && { protocol: 253 }),
    },
    ...(upper === "udp" && { udp: { sourcePort: 1, destinationPort: 2, length: 0 } }),
    ...(upper === "tcp" && { tcp: { sourcePort: 1, destinationPort: 2 } }),
    payload: counting(size),
  })));
}

/** Whether the packet says its length as RFC 2675 §3 wants it, and its checksum is right. */
function check(layers: Layers): void {
  const { bytes: frame, ipv6, udp, malformed } = layers;
  assert.equal(malformed, undefined);
  const behind = frame.length - HEADER;
  const option = optionOf(ipv6!);
  if (behind > 0xffff) {
    assert.equal(ipv6!.payloadLength, 0);
    assert.equal(valueOf(option!), behind);
  } else {
    assert.equal(ipv6!.payloadLength, behind);
    assert.equal(option, undefined);
  }
  const data = ipv6!.payload.length;
  if (udp !== undefined) assert.equal(udp.length, data > 0xffff ? 0 : data);
  const bytes = own(frame.subarray());
  assert.deepEqual(finishChecksums(bytes.slice()), bytes);
}

const SIZES = [65_536, 70_000, 65_535, 65_527, 65_512, 65_507, 1000, 9, 0];

for (const upper of ["udp", "tcp"] as const) {
  test(`${upper}: data of any length in a jumbogram`, LIMIT, () => {
    for (const from of [65_528, 66_000, 100_001]) {
      for (const size of SIZES) {
        const layers = jumbogram(upper, from);
        check(layers);
        layers[upper]!.payload = counting(size, 7);
        check(layers);
        assert.deepEqual(own(layers[upper]!.payload), counting(size, 7));
        assert.equal(layers.ipv6!.extensions.length, 1);
      }
    }
  });
}

test("all that follows the IPv6 headers", LIMIT, () => {
  for (const size of SIZES) {
    const layers = jumbogram("none", 80_000);
    layers.ipv6!.payload = counting(size);
    check(layers);
  }
});

test("other options stay, and no bytes move", LIMIT, () => {
  // A router alert, and padding before the option, whose alignment is 4n + 2.
  const layers = jumbogram("udp", 66_000, [5, 2, 0, 0, 1, 2, 0, 0]);
  layers.udp!.payload = counting(3);
  check(layers);
  assert.deepEqual(
    layers.ipv6!.hopByHopOptions!.map(({ type, data }) => [type, [...data]]),
    [[5, [0, 0]], [1, [0, 0]], [1, [0, 0, 0, 0]]],
  );
});

test("other extension headers beside the option", LIMIT, () => {
  const options = [{ type: 0x1e, data: counting(4) }];
  const layers = jumbogram("tcp", 66_000);
  layers.ipv6!.destinationOptions = options;
  check(layers);
  layers.tcp!.mss = 1400;
  check(layers);
  layers.ipv6!.destinationOptions = undefined;
  check(layers);
  layers.ipv6!.payload = own(layers.ipv6!.payload.subarray(0, 65_531));
  assert.equal(valueOf(optionOf(layers.ipv6!)!), 65_539);
  // Without the header that holds it what is left fits.
  layers.ipv6!.hopByHopOptions = undefined;
  check(layers);
  assert.equal(layers.ipv6!.payloadLength, 65_531);
});

test("the option is not taken from a packet that needs it", LIMIT, () => {
  const layers = jumbogram("udp", 66_000);
  const before = own(layers.bytes.subarray());
  const why = /extensions: the IPv6 packet would have 66\d+ bytes, 65575 at most/;
  assert.throws(() => layers.ipv6!.hopByHopOptions = undefined, why);
  assert.throws(() => layers.ipv6!.extensions = [], why);
  assert.throws(() => layers.ipv6!.extensions = [{ protocol: 60, data: counting(14, 0) }], why);
  const alert = [{ type: 5, data: counting(2) }, { type: 1, data: new Uint8Array(8) }];
  assert.throws(() => layers.ipv6!.hopByHopOptions = alert, why);
  assert.deepEqual(own(layers.bytes.subarray()), before);
});

test("a packet that is none does not become one", LIMIT, () => {
  const layers = parseLayers(buildPacket({ ipv6: V6, udp: {}, payload: counting(1000) }));
  assert.throws(() => layers.udp!.payload = new Uint8Array(65_528), RangeError);
  layers.udp!.payload = new Uint8Array(65_527);
  assert.equal(layers.ipv6!.payloadLength, 65_535);
});

test("the option tells where the packet ends, and whether it is cut", LIMIT, () => {
  const whole = own(jumbogram("udp", 66_000).bytes.subarray());
  const padded = new Uint8Array(whole.length + 10);
  padded.set(whole);
  assert.equal(parseLayers(padded).udp!.payload.length, 66_000);
  const cut = parseLayers(whole.slice(0, 1000));
  const before = own(cut.bytes.subarray());
  assert.equal(cut.malformed, undefined);
  assert.throws(
    () => cut.udp!.payload = counting(3),
    /RangeError: payload must keep its 944 bytes, got 3: the packet is longer than its bytes/,
  );
  assert.deepEqual(own(cut.bytes.subarray()), before);
});
