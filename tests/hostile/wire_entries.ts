/**
 * Every entry of ./packet and ./netlink that takes bytes.
 *
 * @module
 */

import * as packets from "../../src/packet/mod.ts";
import * as netlink from "../../src/netlink/mod.ts";
import type { Entry } from "./entries.ts";

const ipv4 = { source: "192.0.2.1", destination: "198.51.100.2" };
const ipv6 = { source: "2001:db8::1", destination: "2001:db8::2" };
const count = (length: number, first = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => first + at);
const payload = count(40);

const PACKETS = {
  udp: packets.buildPacket({ ipv4, udp: {}, payload }),
  tcp: packets.buildPacket({ ipv4, tcp: {}, payload }),
  icmp: packets.buildPacket({ ipv4, icmp: {}, payload }),
  udp6: packets.buildPacket({ ipv6, udp: {}, payload }),
  icmpv6: packets.buildPacket({ ipv6, icmpv6: {}, payload }),
} as const;
const ARP = packets.buildPacket({ ethernet: {}, arp: {} });

type View = Record<string, unknown>;
type Wrap = (value: unknown) => unknown;

/** Assigning to a property of a view. */
function setter(
  layer: keyof packets.Layers & string,
  name: string,
  { packet, bytes, wrap = (value) => value }: {
    readonly packet: keyof typeof PACKETS;
    readonly bytes: Uint8Array;
    readonly wrap?: Wrap;
  },
): [string, Entry] {
  return [`${layer}.${name}${wrap.name === "wrap" ? "" : ` (${wrap.name})`}`, {
    open: () => {
      const layers = packets.parseLayers(PACKETS[packet].slice());
      const view = (layers as unknown as Record<string, View>)[layer]!;
      return {
        bytes,
        use: (value) => {
          view[name] = wrap(value);
        },
        state: () => [layers.bytes.subarray().slice(), layers.bytes.touched],
      };
    },
  }];
}

function arpSetter(view: "ethernet" | "arp", name: string, bytes: Uint8Array): [string, Entry] {
  return [`${view}.${name}`, {
    open: () => {
      const frame = packets.parseEthernet(ARP.slice());
      const object = (view === "arp" ? frame.layers!.arp : frame.ethernet) as unknown as View;
      return {
        bytes,
        use: (value) => {
          object[name] = value;
        },
        state: () => [frame.bytes.subarray().slice(), frame.bytes.touched],
      };
    },
  }];
}

/** A function, and what it gives. */
const reads = (bytes: Uint8Array, use: (value: never) => unknown): Entry => ({
  open: () => ({ bytes, use: use as (value: unknown) => unknown, state: () => 0 }),
});

const frameEntry = (
  bytes: Uint8Array,
  use: (frame: packets.PacketBytes, value: never) => unknown,
): Entry => ({
  open: () => {
    const memory = count(200);
    const frame = new packets.PacketBytes(memory, 50, 100);
    return {
      bytes,
      use: (value) => use(frame, value as never),
      state: () => [memory.slice(), frame.length, frame.touched, frame.subarray().slice()],
    };
  },
});

const lists = {
  ipv4Option: (data: unknown) => [{ type: 148, data }],
  tcpOption: (data: unknown) => [{ kind: 30, data }],
  ipv6Options: (data: unknown) => [{ type: 30, data }],
  extension: (data: unknown) => [{ protocol: 43, data }],
  routing: (data: unknown) => ({ type: 4, segmentsLeft: 0, data }),
  authentication: (integrityCheckValue: unknown) => ({
    ...{ securityParametersIndex: 1, sequenceNumber: 2 },
    integrityCheckValue,
  }),
};

const message = { family: 2, queue: 1, sequence: 0, id: 1, hwProtocol: 0x800, hook: 3 };
const packetMessage = netlink.encodePacketMessage({ ...message, payload });
const tuple = { source: "10.0.0.1", destination: "10.0.0.2", protocol: 17, sourcePort: 0 };
const ipqPacket = {
  ...{ packetId: 1n, mark: 0n, timestampSeconds: 0, timestampMicroseconds: 0, hook: 0 },
  ...{ indevName: "", outdevName: "", hwProtocol: 0, hwType: 0 },
  ...{ hwAddress: count(6), dataLength: 40, payload },
};
const verdict = { queue: 1, id: 2, verdict: 1 };

function header(name: "setIndevName" | "setOutdevName"): Entry {
  return {
    open: () => {
      const made = new netlink.IpqPacketHeader();
      return {
        bytes: count(16),
        use: (value) => made[name](value as Uint8Array),
        state: () => made.bytes.slice(),
      };
    },
  };
}

/** Appending to a message of our own. */
function append(
  call: (view: DataView, bytes: Uint8Array, end: number, value: never) => number,
): Entry {
  return {
    open: () => {
      const memory = new Uint8Array(512);
      const view = new DataView(memory.buffer);
      const end = netlink.beginVerdict(view, 0, 1, 2, 3, 1);
      return {
        bytes: payload,
        use: (value) => call(view, memory, end, value as never),
        state: () => memory.slice(),
      };
    },
  };
}

/** By name: a function's, a class's with its method's, or a property's. */
export const WIRE_ENTRIES: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ["formatIpv6", reads(count(16), (value) => packets.formatIpv6(value))],
  ["formatMac", reads(count(6), (value) => packets.formatMac(value))],
  ["checksumAdd", reads(payload, (value) => packets.checksumAdd(value))],
  ["internetChecksum", reads(payload, (value) => packets.internetChecksum(value))],
  ["pseudoHeaderIpv4", reads(PACKETS.udp, (value) => packets.pseudoHeaderIpv4(value, 0, 17, 48))],
  ["pseudoHeaderIpv6", reads(PACKETS.udp6, (value) => packets.pseudoHeaderIpv6(value, 0, 17, 48))],
  ["finishChecksums", {
    writes: true,
    ...reads(count(60), (value) => packets.finishChecksums(value) === value),
  }],
  ["finishChecksums of a packet", {
    writes: true,
    ...reads(PACKETS.udp.map((byte, at) => at === 10 ? 0 : byte), (value) => {
      packets.finishChecksums(value);
    }),
  }],
  ["parseLayers", reads(PACKETS.udp, (value) => packets.parseLayers(value).toJSON())],
  ["parseEthernet", reads(ARP, (value) => packets.parseEthernet(value).toJSON())],
  [
    "PacketBytes",
    reads(payload, (value) => {
      const frame = new packets.PacketBytes(value);
      const before = [frame.length, frame.u32(4), frame.subarray(3, 9)];
      frame.setU16(6, 0xffff);
      frame.replace(5, 1, count(300));
      return [before, frame.subarray().slice(), frame.sum(0, frame.length)];
    }),
  ],
  ["PacketBytes.setBytes", frameEntry(count(9), (frame, value) => frame.setBytes(3, value))],
  ["PacketBytes.replace", frameEntry(count(9), (frame, value) => frame.replace(3, 20, value))],
  [
    "PacketBytes.replace, longer",
    frameEntry(count(400), (frame, value) => frame.replace(3, 2, value)),
  ],
  ["PacketBytes.lend", frameEntry(count(9), (frame, value) => frame.lend(value))],
  setter("ipv4", "sourceBytes", { packet: "udp", bytes: count(4) }),
  setter("ipv4", "destinationBytes", { packet: "udp", bytes: count(4) }),
  setter("ipv4", "options", { packet: "udp", bytes: count(7) }),
  setter("ipv4", "optionList", { packet: "tcp", bytes: count(5), wrap: lists.ipv4Option }),
  setter("ipv4", "payload", { packet: "udp", bytes: PACKETS.udp.slice(20) }),
  setter("ipv6", "sourceBytes", { packet: "udp6", bytes: count(16) }),
  setter("ipv6", "destinationBytes", { packet: "udp6", bytes: count(16) }),
  setter("ipv6", "payload", { packet: "udp6", bytes: count(100) }),
  setter("ipv6", "extensions", { packet: "udp6", bytes: count(6), wrap: lists.extension }),
  setter("ipv6", "hopByHopOptions", { packet: "udp6", bytes: count(6), wrap: lists.ipv6Options }),
  setter("ipv6", "destinationOptions", {
    ...{ packet: "udp6", bytes: count(9), wrap: lists.ipv6Options },
  }),
  setter("ipv6", "routing", { packet: "udp6", bytes: count(4), wrap: lists.routing }),
  setter("ipv6", "authentication", {
    ...{ packet: "udp6", bytes: count(12), wrap: lists.authentication },
  }),
  setter("tcp", "options", { packet: "tcp", bytes: count(11) }),
  setter("tcp", "optionList", { packet: "tcp", bytes: count(11), wrap: lists.tcpOption }),
  setter("tcp", "payload", { packet: "tcp", bytes: count(200) }),
  setter("udp", "payload", { packet: "udp", bytes: count(40, 90) }),
  setter("icmp", "payload", { packet: "icmp", bytes: count(12) }),
  setter("icmpv6", "payload", { packet: "icmpv6", bytes: count(41) }),
  ["udp.payload, of a fragment's length", {
    open: () => {
      const layers = packets.parseLayers(PACKETS.udp.slice(0, 48));
      return {
        bytes: count(20, 7),
        use: (value) => layers.udp!.payload = value as Uint8Array,
        state: () => [layers.bytes.subarray().slice(), layers.bytes.touched],
      };
    },
  }],
  ["udp.payload, empty", {
    open: () => {
      const layers = packets.parseLayers(PACKETS.udp.slice());
      return {
        bytes: new Uint8Array(0),
        use: (value) => layers.udp!.payload = value as Uint8Array,
        state: () => [layers.bytes.subarray().slice(), layers.bytes.touched],
      };
    },
  }],
  arpSetter("arp", "senderHardwareBytes", count(6)),
  arpSetter("arp", "senderProtocolBytes", count(4)),
  arpSetter("arp", "targetHardwareBytes", count(6)),
  arpSetter("arp", "targetProtocolBytes", count(4)),
  arpSetter("ethernet", "destinationBytes", count(6)),
  arpSetter("ethernet", "sourceBytes", count(6)),
  [
    "buildPacket: payload",
    reads(payload, (payload) => packets.buildPacket({ ipv4, udp: {}, payload })),
  ],
  ["buildPacket: ipv4.options", {
    // An object that is no Uint8Array is taken for a list, and refused as one.
    ...reads(count(6), (options) => packets.buildPacket({ ipv4: { options }, udp: {} })),
    lists: true,
  }],
  ["buildPacket: tcp.options", {
    ...reads(count(6), (options) => packets.buildPacket({ ipv4, tcp: { options } })),
    lists: true,
  }],
  [
    "buildPacket: ipv4.options[].data",
    reads(count(6), (data) => packets.buildPacket({ ipv4: { options: [{ type: 7, data }] } })),
  ],
  [
    "buildPacket: tcp.options[].data",
    reads(
      count(6),
      (data) => packets.buildPacket({ ipv4, tcp: { options: [{ kind: 30, data }] } }),
    ),
  ],
  [
    "buildPacket: ipv6.extensions[].data",
    reads(
      count(6),
      (data) => packets.buildPacket({ ipv6: { extensions: [{ protocol: 0, data }] } }),
    ),
  ],
  ["netlinkMessages", reads(packetMessage, (value) => [...netlink.netlinkMessages(value)])],
  ["decodePacketMessage", reads(packetMessage, (value) => netlink.decodePacketMessage(value))],
  ...["payload", "layer2Header", "conntrack", "expectation"].map((field): [string, Entry] => [
    `encodePacketMessage: ${field}`,
    reads(payload, (value) => netlink.encodePacketMessage({ ...message, [field]: value })),
  ]),
  [
    "encodePacketMessage: hardwareAddress",
    reads(
      count(6),
      (hardwareAddress) => netlink.encodePacketMessage({ ...message, hardwareAddress }),
    ),
  ],
  [
    "encodeVerdictChanges: layer2Header",
    reads(count(14), (layer2Header) => netlink.encodeVerdictChanges({ layer2Header })),
  ],
  [
    "encodeVerdict: payload",
    reads(payload, (payload) => netlink.encodeVerdict({ ...verdict, payload })),
  ],
  [
    "encodeVerdict: layer2Header",
    reads(payload, (layer2Header) => netlink.encodeVerdict({ ...verdict, layer2Header })),
  ],
  [
    "decodeVerdict",
    reads(netlink.encodeVerdict({ ...verdict, payload }), (value) => netlink.decodeVerdict(value)),
  ],
  [
    "decodeVerdictBatch",
    reads(netlink.encodeVerdictBatch(verdict), (value) => netlink.decodeVerdictBatch(value)),
  ],
  [
    "appendPayload",
    append((view, bytes, end, value) => netlink.appendPayload(view, bytes, 0, end, value)),
  ],
  [
    "appendAttributes",
    append((view, bytes, end, value) => netlink.appendAttributes(view, bytes, 0, end, value)),
  ],
  [
    "decodeConfig",
    reads(
      netlink.encodeConfig({ queue: 1, command: "bind" }),
      (value) => netlink.decodeConfig(value),
    ),
  ],
  ["ipqMessageType", reads(payload, (value) => netlink.ipqMessageType(value))],
  [
    "ipqMessageError",
    reads(
      netlink.encodeIpqError({ error: 1, portId: 1, request: payload }),
      (value) => netlink.ipqMessageError(value),
    ),
  ],
  [
    "encodeIpqError: request",
    reads(payload, (request) => netlink.encodeIpqError({ error: 1, portId: 1, request })),
  ],
  [
    "encodeIpqVerdict: payload",
    reads(
      payload,
      (payload) => netlink.encodeIpqVerdict({ id: 1n, verdict: 1, portId: 1, payload }),
    ),
  ],
  [
    "decodeIpqMode",
    reads(
      netlink.encodeIpqMode({ mode: 1, range: 0, portId: 1 }),
      (value) => netlink.decodeIpqMode(value),
    ),
  ],
  [
    "decodeIpqVerdict",
    reads(
      netlink.encodeIpqVerdict({ id: 1n, verdict: 1, portId: 1, payload }),
      (value) => netlink.decodeIpqVerdict(value),
    ),
  ],
  [
    "decodeIpqPacket",
    reads(netlink.encodeIpqPacket(ipqPacket), (value) => netlink.decodeIpqPacket(value)),
  ],
  [
    "encodeIpqPacket: payload",
    reads(payload, (payload) => netlink.encodeIpqPacket({ ...ipqPacket, payload })),
  ],
  [
    "encodeIpqPacket: hwAddress",
    reads(count(6), (hwAddress) => netlink.encodeIpqPacket({ ...ipqPacket, hwAddress })),
  ],
  ["IpqPacketHeader.setIndevName", header("setIndevName")],
  ["IpqPacketHeader.setOutdevName", header("setOutdevName")],
  [
    "decodeConntrack",
    reads(
      netlink.encodeConntrackChange({ mark: 7, labels: [1] }),
      (value) => netlink.decodeConntrack(value),
    ),
  ],
  [
    "decodeConntrackChange",
    reads(
      netlink.encodeConntrackChange({ mark: 7 }),
      (value) => netlink.decodeConntrackChange(value),
    ),
  ],
  [
    "decodeExpectation",
    reads(
      netlink.encodeExpectation({ tuple, mask: tuple, class: 1 }),
      (value) => netlink.decodeExpectation(value),
    ),
  ],
]);
