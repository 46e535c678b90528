// The addresses that a transport checksum covers are those of the two ends of the way: the last of a
// source route or Routing header that is not at its end, and a Home Address. Sums are computed by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  finishChecksums,
  type Layers,
  type PacketFields,
  parseIpv6,
  parseLayers,
} from "../../src/packet/mod.ts";
import { internetSum } from "../support/traffic/packets.ts";
import { counting } from "./edits.ts";
import { hex, LIMIT } from "./samples.ts";

const v4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const v6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const udp = { sourcePort: 1, destinationPort: 2 } as const;
const payload = counting(5);
const LAST4 = hex("0a090909");
const LAST6 = parseIpv6("2001:db8::99");
const HOME = parseIpv6("2001:db8::77");
const bytes = (...parts: readonly (Uint8Array | number)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => typeof part === "number" ? [part] : [...part]));

/** The data of a source route through 10.7.7.7 to 10.9.9.9. */
const route4 = (pointer: number): Uint8Array => bytes(pointer, hex("0a070707"), LAST4);
const route6 = (left: number): Uint8Array => bytes(0, left, 0, 0, 0, 0, LAST6);
const home = { protocol: 60, data: bytes(1, 2, 0, 0, 0xc9, 16, HOME) } as const;

/** Whether the UDP checksum is right for these addresses. */
function isRight(packet: Uint8Array, from: Uint8Array, to: Uint8Array): boolean {
  const { udp } = parseLayers(packet);
  assert.ok(udp !== undefined);
  const length = udp.length;
  const segment = packet.subarray(packet.length - length);
  return internetSum(from, to, bytes(0, 17, length >> 8, length & 255), segment) === 0xffff;
}

/** The packet, the addresses it covers, an edit, and the addresses covered then. */
type Case = readonly [
  fields: PacketFields,
  ends: readonly [Uint8Array, Uint8Array],
  edit: (layers: Layers) => void,
  then: readonly [Uint8Array, Uint8Array],
];

const A4 = hex("0a000001");
const B4 = hex("0a000002");
const C4 = hex("0a000003");
const A6 = parseIpv6(v6.source);
const B6 = parseIpv6(v6.destination);
const C6 = parseIpv6("2001:db8::3");

const CASES: Readonly<Record<string, Case>> = {
  "a loose source route keeps the next hop out": [
    { ipv4: { ...v4, options: [{ type: 131, data: route4(4) }] }, udp, payload },
    [A4, LAST4],
    ({ ipv4 }) => ipv4!.destination = "10.0.0.3",
    [A4, LAST4],
  ],
  "a strict one too, whose source counts": [
    { ipv4: { ...v4, options: [{ type: 137, data: route4(8) }] }, udp, payload },
    [A4, LAST4],
    ({ ipv4 }) => ipv4!.source = "10.0.0.3",
    [C4, LAST4],
  ],
  "a route at its end": [
    { ipv4: { ...v4, options: [{ type: 131, data: route4(12) }] }, udp, payload },
    [A4, B4],
    ({ ipv4 }) => ipv4!.destinationNumber = 0x0a000003,
    [A4, C4],
  ],
  "a route that makes no sense": [
    { ipv4: { ...v4, options: [{ type: 131, data: bytes(4, 1, 2) }] }, udp, payload },
    [A4, B4],
    ({ ipv4 }) => ipv4!.ttl = 3,
    [A4, B4],
  ],
  "a route taken out": [
    { ipv4: { ...v4, options: [{ type: 131, data: route4(4) }] }, udp, payload },
    [A4, LAST4],
    ({ ipv4 }) => ipv4!.optionList = [],
    [A4, B4],
  ],
  "a route put in": [
    { ipv4: v4, udp, payload },
    [A4, B4],
    ({ ipv4 }) => ipv4!.optionList = [{ type: 131, data: route4(4) }],
    [A4, LAST4],
  ],
  "a Routing header, and its next hop": [
    { ipv6: { ...v6, extensions: [{ protocol: 43, data: route6(1) }] }, udp, payload },
    [A6, LAST6],
    ({ ipv6 }) => ipv6!.destination = "2001:db8::3",
    [A6, LAST6],
  ],
  "a home address keeps the care-of address out": [
    { ipv6: { ...v6, extensions: [home] }, udp, payload },
    [HOME, B6],
    ({ ipv6 }) => ipv6!.source = "2001:db8::3",
    [HOME, B6],
  ],
  "a home address with a Routing header, in the second options": [
    {
      ipv6: {
        ...v6,
        extensions: [
          { protocol: 60, data: bytes(0x1e, 4, 1, 2, 3, 4) },
          { protocol: 43, data: route6(1) },
          home,
        ],
      },
      udp,
      payload,
    },
    [HOME, LAST6],
    ({ ipv6 }) => ipv6!.routing = undefined,
    [HOME, B6],
  ],
  "a home address taken out": [
    { ipv6: { ...v6, extensions: [home] }, udp, payload },
    [HOME, B6],
    ({ ipv6 }) => ipv6!.destinationOptions = undefined,
    [A6, B6],
  ],
  "a home address put in": [
    { ipv6: v6, udp, payload },
    [A6, B6],
    ({ ipv6 }) => ipv6!.extensions = [home],
    [HOME, B6],
  ],
  "a home address of another length is none": [
    {
      ipv6: { ...v6, extensions: [{ protocol: 60, data: bytes(0xc9, 4, 1, 2, 3, 4) }] },
      udp,
      payload,
    },
    [A6, B6],
    ({ ipv6 }) => ipv6!.source = "2001:db8::3",
    [C6, B6],
  ],
};

for (const [name, [fields, ends, edit, then]] of Object.entries(CASES)) {
  test(name, LIMIT, () => {
    const packet = buildPacket(fields);
    assert.ok(isRight(packet, ...ends), "built");
    assert.deepEqual(finishChecksums(packet.slice()), packet);
    const layers = parseLayers(packet);
    edit(layers);
    const edited = layers.bytes.subarray();
    assert.ok(isRight(edited, ...then), "edited");
    assert.deepEqual(finishChecksums(edited.slice()), edited.slice());
    layers.udp!.payload = counting(8);
    assert.ok(isRight(layers.bytes.subarray(), ...then), "with another payload");
  });
}
