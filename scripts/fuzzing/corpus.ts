/** Packets and messages to begin with. */
import { buildPacket, type PacketFields } from "../../src/packet/mod.ts";
import {
  encodeConfig,
  encodeConntrackChange,
  encodeExpectation,
  encodeIpqError,
  encodeIpqMode,
  encodeIpqPacket,
  encodeIpqVerdict,
  encodePacketMessage,
  encodeVerdict,
  encodeVerdictBatch,
  type QueuePacketMessage,
} from "../../src/netlink/mod.ts";
import { counting, PACKETS } from "../../tests/packet/edits.ts";
import {
  FULL_FIELDS,
  INPUT,
  OUTPUT,
  VERDICT_ENOENT,
} from "../../tests/netlink/ip_queue_samples.ts";
import { ICMP4, ICMP6, TCP4, TCP6, UDP4 } from "../../tests/packet/samples.ts";

const v4 = { source: "10.1.2.3", destination: "192.0.2.200" } as const;
const v6 = { source: "2001:db8::1", destination: "fe80::2" } as const;
const home = Uint8Array.from([1, 2, 0, 0, 0xc9, 16, ...counting(16)]);
const segments = Uint8Array.from([4, 1, 0, 0, 0, 0, ...counting(32)]);
const fragment = (word: number) => ({
  protocol: 44,
  data: Uint8Array.from([word >> 8, word & 255, 0, 0, 0, 9]),
});

/** What the tests' packets lack. */
const MORE: readonly PacketFields[] = [
  { ipv4: v4 },
  { ipv4: { ...v4, protocol: 132 }, payload: counting(20) },
  { ipv4: { ...v4, moreFragments: true }, udp: {}, payload: counting(16) },
  { ipv4: { ...v4, fragmentOffset: 64, protocol: 17 }, payload: counting(16) },
  { ipv4: { ...v4, options: Uint8Array.from([131, 11, 4, ...counting(8), 0]) }, udp: {} },
  { ipv4: v4, udp: { checksum: 0 }, payload: counting(5) },
  { ipv4: v4, tcp: { syn: true, mss: 1460, sack: [{ left: 1, right: 2 }] }, payload: counting(3) },
  { ipv4: v4, icmp: { type: 42 }, payload: counting(8) },
  { ipv4: v4, icmp: { type: 11 }, payload: buildPacket(PACKETS["ICMP unreachable"]!) },
  { ipv6: v6 },
  { ipv6: { ...v6, extensions: [fragment(1)] }, udp: {}, payload: counting(16) },
  { ipv6: { ...v6, extensions: [fragment(64)], protocol: 17 }, payload: counting(16) },
  { ipv6: { ...v6, extensions: [{ protocol: 60, data: home }] }, tcp: {}, payload: counting(4) },
  { ipv6: { ...v6, extensions: [{ protocol: 43, data: segments }] }, udp: {} },
  { ipv6: { ...v6, extensions: [{ protocol: 51, data: counting(22, 0) }] }, tcp: {} },
  { ipv6: { ...v6, extensions: [{ protocol: 135, data: counting(14) }] }, udp: {} },
  { ipv6: { ...v6, extensions: [{ protocol: 0, data: Uint8Array.from([0xc2, 4, 0, 1, 0, 0]) }] } },
  { ipv6: v6, icmpv6: { type: 137 }, payload: counting(40) },
  { ipv6: v6, icmpv6: { type: 1 }, payload: buildPacket(PACKETS["TCP over IPv6"]!) },
];

/** Packets from the network header on; checksums are right. */
export const IP_PACKETS: readonly Uint8Array[] = [
  ...Object.values(PACKETS).map((fields) => buildPacket(fields)),
  ...MORE.map((fields) => buildPacket(fields)),
  ...[TCP4, UDP4, ICMP4, TCP6, ICMP6],
];

/** As long as packets get. */
export const LONG_PACKETS: readonly Uint8Array[] = [
  buildPacket({ ipv4: v4, udp: {}, payload: counting(65_507) }),
  buildPacket({ ipv4: v4, tcp: { mss: 1460 }, payload: counting(60_000) }),
  buildPacket({ ipv6: v6, tcp: {}, payload: counting(64_000) }),
  // Nothing but extension headers, and nothing but options.
  buildPacket({
    ipv6: {
      ...v6,
      extensions: Array.from({ length: 2000 }, () => ({ protocol: 60, data: new Uint8Array(6) })),
    },
  }),
  buildPacket({
    ipv6: {
      ...v6,
      extensions: Array.from({ length: 31 }, () => ({ protocol: 0, data: new Uint8Array(2046) })),
    },
    udp: {},
  }),
];

const ethernet = { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" } as const;
const arp = { senderProtocolAddress: "10.0.0.1", targetProtocolAddress: "10.0.0.2" } as const;

/** ARP packets. */
export const ARP_PACKETS: readonly Uint8Array[] = [
  buildPacket({ arp }),
  buildPacket({ arp: { ...arp, operation: 2 } }),
  buildPacket({ arp: { ...arp, operation: 3 } }),
];

/** Ethernet frames. */
export const FRAMES: readonly Uint8Array[] = [
  ...Object.values(PACKETS).map((fields) => buildPacket({ ...fields, ethernet })),
  ...MORE.map((fields) => buildPacket({ ...fields, ethernet, vlan: { id: 7, priority: 3 } })),
  buildPacket({ ethernet, vlan: [{ id: 1 }, { id: 2 }], arp }),
  buildPacket({ ethernet, arp: { ...arp, operation: 2 } }),
  buildPacket({ ethernet: { ...ethernet, etherType: 0x88cc }, payload: counting(30) }),
  buildPacket({ ethernet: { ...ethernet, etherType: 0 }, payload: counting(30) }),
];

const head = { family: 2, queue: 1, sequence: 0, id: 0x80000001, hwProtocol: 0x800, hook: 3 };

/** The payload of NFQA_CT, as the kernel sends it. */
export const CONNTRACK: readonly Uint8Array[] = [
  encodeConntrackChange({ mark: 5, markMask: 7, labels: [1, 127], timeout: 60, status: 0x3f }),
  encodeConntrackChange({ labels: [], labelsMask: [0, 8, 64] }),
  ...[
    // CTA_TUPLE_ORIG, then a reply, protocol information, counters and text.
    "34000180 14000180 08000100 0a000001 08000200 0a000002 1c000280 05000100 06000000 06000200 1234" +
    "0000 06000300 0050 0000",
    "30000480 2c000180 05000100 03000000 05000200 07000000 05000300 08000000 06000400 2327 0000" +
    " 06000500 2300 0000",
    "1c000980 0c000100 0000000000000005 0c000200 00000000000003e8 08000300 00000030",
    "10000580 0a000100 66747000 00000000 06001200 0007 0000 08000c00 0000abcd",
    "10001480 0c000100 17d2b5e0a1b2c3d4 14001380 10000100 73797374656d5f753a6f00",
  ].map(bytesOf),
];

/** The payload of NFQA_EXP. */
export const EXPECTATIONS: readonly Uint8Array[] = [
  encodeExpectation({
    tuple: { ...v4, protocol: 6, sourcePort: 1, destinationPort: 2, zone: 3 },
    mask: { source: "255.255.255.255", protocol: 6 },
    ...{ helper: "ftp", class: 1, flags: 1 },
  }),
  encodeExpectation({
    tuple: { ...v6, protocol: 58, icmpIdentifier: 1, icmpType: 128, icmpCode: 0 },
    mask: { source: "::" },
  }),
];

const MESSAGES: readonly Partial<QueuePacketMessage>[] = [
  { payload: UDP4, mark: 5, skbInfo: 1, uid: 0, gid: 100 },
  { payload: TCP6, family: 10, hwProtocol: 0x86dd, captureLength: 3000, securityContext: "a:b" },
  {
    ...{
      family: 7,
      payload: ICMP4,
      layer2Header: counting(14),
      vlan: { protocol: 0x8100, tci: 5 },
    },
    ...{ hardwareAddress: counting(6), timestamp: { seconds: 1795249131, microseconds: 556159 } },
    ...{ priority: 6, cgroupClassId: 0x10001 },
  },
  { conntrack: CONNTRACK[0]!, conntrackInfo: 2, expectation: EXPECTATIONS[0]!, payload: TCP4 },
  {},
];

/** NFQNL_MSG_PACKET. */
export const PACKET_MESSAGES: readonly Uint8Array[] = MESSAGES
  .map((message) => encodePacketMessage({ ...head, ...message }));

/** NFQNL_MSG_VERDICT, _VERDICT_BATCH and _CONFIG. */
export const VERDICTS: readonly Uint8Array[] = [
  encodeVerdict({ queue: 1, id: 5, verdict: 1 }),
  encodeVerdict({ queue: 1, id: 5, verdict: 1, mark: 7, payload: UDP4, priority: 3 }),
  encodeVerdict({
    ...{ queue: 1, id: 5, verdict: 0x00070003, vlan: { protocol: 0x8100, tci: 5 } },
    ...{ layer2Header: counting(14), conntrack: { mark: 1, labels: [3] } },
    expectation: { tuple: v4, mask: v4 },
  }),
  encodeVerdictBatch({ queue: 1, id: 5, verdict: 1, mark: 9 }),
];
export const CONFIGS: readonly Uint8Array[] = [
  encodeConfig({ queue: 1, command: "bind", family: 2, acknowledge: true }),
  encodeConfig({ queue: 1, copyMode: "packet", copyRange: 65531, maxLength: 1024 }),
  encodeConfig({ queue: 1, flags: 5, mask: 7 }),
];

/** NLMSG_ERROR, with the request and without. */
export const ERRORS: readonly Uint8Array[] = [
  VERDICT_ENOENT,
  bytesOf("24000000 0200 0000 05000000 01000000 feffffff 20000000 0103 0100 05000000 00000000"),
];

/** Datagrams of several messages. */
export const DATAGRAMS: readonly Uint8Array[] = [
  joined(PACKET_MESSAGES),
  joined([...ERRORS, ...PACKET_MESSAGES.slice(0, 1)]),
];

/** ip_queue's messages. */
export const IPQ_MESSAGES: readonly Uint8Array[] = [
  ...[INPUT, OUTPUT, encodeIpqPacket(FULL_FIELDS), VERDICT_ENOENT],
  encodeIpqMode({ mode: 2, range: 4096, portId: 66 }),
  encodeIpqVerdict({ id: 12345n, verdict: 1, portId: 66, payload: counting(20) }),
  encodeIpqError({ error: 22, portId: 66, request: counting(40) }),
];

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function joined(messages: readonly Uint8Array[]): Uint8Array {
  const parts = messages.map((message) => {
    const padded = new Uint8Array((message.length + 3) & ~3);
    padded.set(message);
    return padded;
  });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
