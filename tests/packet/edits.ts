// Packets to edit, and every field that a view can write: what the tests of edits share.
import assert from "node:assert/strict";
import { buildPacket, type Layers, type PacketFields } from "../../src/packet/mod.ts";

/** Bytes that count up, so that a moved byte is seen. */
export function counting(length: number, first: number = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (first + index) & 255);
}

const v4 = { source: "10.1.2.3", destination: "192.0.2.200", ttl: 64, identification: 7 } as const;
const v6 = { source: "2001:db8::1", destination: "fe80::2", hopLimit: 63 } as const;
const ports = { sourcePort: 40000, destinationPort: 443 } as const;
const tcp = { ...ports, sequenceNumber: 0x80000001, acknowledgmentNumber: 99, ack: true } as const;
const options = { mss: 1460, windowScale: 7, sackPermitted: true } as const;

/** What an error quotes: the headers of another packet. */
const quoted4 = buildPacket({ ipv4: { ...v4, totalLength: 60 }, udp: ports });
const quoted6 = buildPacket({ ipv6: v6, udp: ports, payload: counting(9) });

/** One packet of each kind, by name; lengths and checksums are right. */
export const PACKETS: Readonly<Record<string, PacketFields>> = {
  "TCP over IPv4": { ipv4: v4, tcp, payload: counting(11) },
  "TCP with options over IPv4 with options": {
    ipv4: { ...v4, options: [{ type: 148, data: counting(2) }] },
    tcp: { ...tcp, ...options, timestamps: { value: 1, echoReply: 2 } },
    payload: counting(6),
  },
  "TCP over IPv6": { ipv6: v6, tcp: { ...tcp, ...options }, payload: counting(7) },
  "UDP over IPv4": { ipv4: v4, udp: ports, payload: counting(13) },
  "UDP without data over IPv4": { ipv4: v4, udp: ports },
  "UDP over IPv6 with extension headers": {
    ipv6: {
      ...v6,
      extensions: [
        { protocol: 0, data: counting(6, 0) },
        { protocol: 43, data: Uint8Array.from([4, 1, ...counting(20)]) },
        { protocol: 60, data: Uint8Array.from([5, 2, 0, 0]) },
      ],
    },
    udp: ports,
    payload: counting(20),
  },
  "ICMP": { ipv4: v4, icmp: { identifier: 5, sequenceNumber: 6 }, payload: counting(9) },
  "ICMPv6": { ipv6: v6, icmpv6: { identifier: 5, sequenceNumber: 6 }, payload: counting(9) },
  "ICMP unreachable": { ipv4: v4, icmp: { type: 3, code: 4 }, payload: quoted4 },
  "ICMP redirect": { ipv4: v4, icmp: { type: 5, code: 1 }, payload: quoted4 },
  "ICMP parameter problem": { ipv4: v4, icmp: { type: 12 }, payload: quoted4 },
  "ICMPv6 too big": { ipv6: v6, icmpv6: { type: 2, code: 0 }, payload: quoted6 },
  "ICMPv6 parameter problem": { ipv6: v6, icmpv6: { type: 4, code: 1 }, payload: quoted6 },
  "ICMPv6 neighbor solicitation": { ipv6: v6, icmpv6: { type: 135 }, payload: counting(24) },
  "ICMP of zeros": { ipv4: v4, icmp: { type: 0 }, payload: new Uint8Array(4) },
};

/** A layer's name in `Layers`. */
export type LayerName = "ipv4" | "ipv6" | "tcp" | "udp" | "icmp" | "icmpv6";

/** A field: values to write, and which bytes of its header they may change. */
export interface Field {
  readonly layer: LayerName;
  readonly name: string;
  readonly values: readonly unknown[];
  /** Values that are refused: RangeError, and TypeError where they have another type. */
  readonly wrong: readonly unknown[];
  /** First byte of the header, and the first behind; from the upper layer's start. */
  readonly bytes: readonly [from: number, to: number];
}

const numberField = (
  layer: LayerName,
  name: string,
  max: number,
  bytes: readonly [number, number],
  extra: readonly number[] = [],
): Field => ({
  ...{ layer, name, bytes },
  values: [0, 1, max >> 1, max - 1, max, ...extra].map((value) => Math.abs(value)),
  wrong: [-1, max + 1, 0.5, NaN, Infinity, "1", 1n, null, undefined, true],
});
const flagField = (layer: LayerName, name: string, at: number): Field => ({
  ...{ layer, name, bytes: [at, at + 1], values: [true, false] },
  wrong: [0, 1, "true", null, undefined],
});
const text4 = (layer: LayerName, name: string, at: number): Field => ({
  ...{ layer, name, bytes: [at, at + 4] },
  values: ["0.0.0.0", "255.255.255.255", "1.2.3.4", "172.16.254.1"],
  wrong: ["1.2.3", "::1", "", "1.2.3.256", 5, null, undefined, new Uint8Array(4)],
});
const address4 = (name: string, at: number): Field[] => [
  text4("ipv4", name, at),
  numberField("ipv4", `${name}Number`, 0xffffffff, [at, at + 4], [0x0a000001, 0xfffe0001]),
  {
    ...{ layer: "ipv4", name: `${name}Bytes`, bytes: [at, at + 4] },
    values: [counting(4), new Uint8Array(4), new Uint8Array(4).fill(255)],
    wrong: [counting(3), counting(5), "1.2.3.4", [1, 2, 3, 4], null],
  },
];
const text6 = (layer: LayerName, name: string, at: number): Field => ({
  ...{ layer, name, bytes: [at, at + 16] },
  values: ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::ff00:42:8329"],
  wrong: ["1.2.3.4", "", ":::", "fe80::1%lo", 5, null, undefined],
});
const address6 = (name: string, at: number): Field[] => [
  text6("ipv6", name, at),
  {
    ...{ layer: "ipv6", name: `${name}Number`, bytes: [at, at + 16] },
    values: [0n, 1n, 2n ** 128n - 1n, 0x20010db8_00000000_12345678_9abcdef0n],
    wrong: [-1n, 2n ** 128n, 5, "1", null],
  },
  {
    ...{ layer: "ipv6", name: `${name}Bytes`, bytes: [at, at + 16] },
    values: [counting(16), new Uint8Array(16), new Uint8Array(16).fill(255)],
    wrong: [counting(15), counting(17), "::1", null],
  },
];
const upperField = (layer: LayerName, name: string, max: number, at: number): Field =>
  numberField(layer, name, max, [at, at + (max > 0xffff ? 4 : max > 0xff ? 2 : 1)]);

/** Fields that only are what they are: no length, no other layer, no checksum hangs on their value. */
export const PLAIN_FIELDS: readonly Field[] = [
  numberField("ipv4", "dscp", 63, [1, 2]),
  numberField("ipv4", "ecn", 3, [1, 2]),
  upperField("ipv4", "identification", 0xffff, 4),
  flagField("ipv4", "reservedFlag", 6),
  flagField("ipv4", "dontFragment", 6),
  upperField("ipv4", "ttl", 255, 8),
  ...address4("source", 12),
  ...address4("destination", 16),
  numberField("ipv6", "trafficClass", 255, [0, 2]),
  numberField("ipv6", "dscp", 63, [0, 2]),
  numberField("ipv6", "ecn", 3, [1, 2]),
  numberField("ipv6", "flowLabel", 0xfffff, [1, 4]),
  upperField("ipv6", "hopLimit", 255, 7),
  upperField("ipv6", "ttl", 255, 7),
  ...address6("source", 8),
  ...address6("destination", 24),
  ...(["tcp", "udp"] as const).flatMap((layer) => [
    upperField(layer, "sourcePort", 0xffff, 0),
    upperField(layer, "destinationPort", 0xffff, 2),
  ]),
  upperField("tcp", "sequenceNumber", 0xffffffff, 4),
  upperField("tcp", "acknowledgmentNumber", 0xffffffff, 8),
  upperField("tcp", "reserved", 15, 12),
  upperField("tcp", "flags", 255, 13),
  ...["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"]
    .map((name) => flagField("tcp", name, 13)),
  upperField("tcp", "windowSize", 0xffff, 14),
  upperField("tcp", "urgentPointer", 0xffff, 18),
  ...(["icmp", "icmpv6"] as const).flatMap((layer) => [
    upperField(layer, "identifier", 0xffff, 4),
    upperField(layer, "sequenceNumber", 0xffff, 6),
    upperField(layer, "restOfHeader", 0xffffffff, 4),
    upperField(layer, "type", 255, 0),
    upperField(layer, "code", 255, 1),
  ]),
  upperField("icmp", "mtu", 0xffff, 6),
  text4("icmp", "gateway", 4),
  upperField("icmp", "pointer", 255, 4),
  upperField("icmpv6", "mtu", 0xffffffff, 4),
  upperField("icmpv6", "pointer", 0xffffffff, 4),
  text6("icmpv6", "targetAddress", 8),
];

/** Fields that tell what the packet is. */
export const STRUCTURE_FIELDS: readonly Field[] = [
  { ...numberField("ipv4", "headerLength", 60, [0, 1]), values: [20, 24, 28] },
  { ...numberField("ipv4", "totalLength", 0xffff, [2, 4]), values: [60, 65535, 30] },
  flagField("ipv4", "moreFragments", 6),
  { ...numberField("ipv4", "fragmentOffset", 0xfff8, [6, 8]), values: [8, 0, 0xfff8] },
  { ...upperField("ipv4", "protocol", 255, 9), values: [1, 6, 17, 58, 132] },
  { ...upperField("ipv6", "payloadLength", 0xffff, 4), values: [0, 8, 30, 65535] },
  { ...upperField("ipv6", "nextHeader", 255, 6), values: [0, 6, 17, 43, 44, 58, 59, 60] },
  { ...upperField("ipv6", "protocol", 255, 6), values: [6, 17, 44, 58, 1] },
  { ...numberField("tcp", "headerLength", 60, [12, 13]), values: [20, 24] },
  { ...numberField("udp", "length", 0xffff, [4, 6]), values: [8, 9, 65535, 0] },
];

/** The packet of that name, new. */
export function packetOf(name: string): Uint8Array<ArrayBuffer> {
  const fields = PACKETS[name];
  assert.ok(fields !== undefined);
  return buildPacket(fields);
}

/** The view of a layer as an object whose fields are reached by name. */
export function viewOf(
  layers: Pick<Layers, LayerName>,
  layer: LayerName,
): Record<string, unknown> | undefined {
  return layers[layer] as unknown as Record<string, unknown> | undefined;
}

/** Where an upper layer's checksum stands in its header. */
export const CHECKSUM_AT: Readonly<Record<LayerName, number>> = {
  ...{ ipv4: 10, ipv6: -1, tcp: 16, udp: 6, icmp: 2, icmpv6: 2 },
};
