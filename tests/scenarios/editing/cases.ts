// What is changed in real packets: every field, option and part that a view can write.
import assert from "node:assert/strict";
import { buildPacket, type PacketFields, parseLayers } from "../../../src/packet/mod.ts";
import { counting, type LayerName, PLAIN_FIELDS, viewOf } from "../../packet/edits.ts";
import { ADDRESSES, assignment, type Change } from "./traffic.ts";

/** One packet and what is done to it, once for each change. */
export interface Scenario {
  readonly family: 4 | 6;
  readonly packet: Uint8Array;
  readonly changes: readonly Change[];
}

export function packetFor(family: 4 | 6, fields: PacketFields): Uint8Array {
  const { from: source, to: destination } = ADDRESSES[family];
  return buildPacket(
    family === 4
      ? { ...fields, ipv4: { source, destination, identification: 0x4444, ...fields.ipv4 } }
      : { ...fields, ipv6: { source, destination, ...fields.ipv6 } },
  );
}

/**
 * One for every value of every field that this packet has and on which nothing else hangs.
 *
 * @param others addresses that the receiver knows, to which a packet may be changed
 */
export function fieldChanges(
  family: 4 | 6,
  bytes: Uint8Array,
  others: readonly string[] = ADDRESSES[family].others,
): Change[] {
  const layers = parseLayers(bytes);
  return PLAIN_FIELDS.flatMap(({ layer, name, values }): Change[] => {
    if (viewOf(layers, layer)?.[name] === undefined) return [];
    // An address must be one of them, in whichever form it is written.
    const possible = /^(source|destination)(Number|Bytes)?$/.test(name)
      ? others.map((address) => addressOf(family, name, address))
      : values;
    return possible.map((value) => assignment(layer, name, value));
  });
}

/** An address as the field of this name holds it. */
function addressOf(family: 4 | 6, field: string, source: string): unknown {
  const { ip } = parseLayers(packetFor(
    family,
    family === 4 ? { ipv4: { source } } : {
      ipv6: { source },
    },
  ));
  const name = field.replace("destination", "source") as "source" | "sourceNumber" | "sourceBytes";
  return ip?.[name];
}

/** The same field, one value after the other. */
function each(layer: LayerName, field: string, ...values: readonly unknown[]): Change[] {
  return values.map((value) => assignment(layer, field, value));
}

/** Bytes that are options which say nothing, wherever a length makes options of them. */
const padding = (length: number): Uint8Array => new Uint8Array(length).fill(1);
const ports = { sourcePort: 40001, destinationPort: 40002 } as const;
const kept = { kind: 253, data: counting(3) } as const;

const IPV4_OPTIONS = [
  { type: 7, data: Uint8Array.from([4, 0, 0, 0, 0]) },
  { type: 68, data: Uint8Array.from([5, 0, 0, 0, 0, 0]) },
  { type: 130, data: new Uint8Array(9) },
  { type: 131, data: Uint8Array.from([4, 127, 0, 0, 12]) },
  { type: 136, data: counting(2) },
  { type: 137, data: Uint8Array.from([8, 127, 0, 0, 12]) },
  { type: 148, data: new Uint8Array(2) },
  ...[30, 94, 158, 222].map((type) => ({ type, data: counting(6) })),
] as const;

/** What an IPv4 header has beside plain fields; the packet is of a protocol that nobody knows. */
const ipv4: Scenario = {
  family: 4,
  packet: packetFor(4, { ipv4: { protocol: 253 }, payload: padding(24) }),
  changes: [
    ...each("ipv4", "headerLength", 24, 32, 44),
    ...each("ipv4", "totalLength", 43, 30, 20),
    ...each("ipv4", "moreFragments", true),
    ...each("ipv4", "fragmentOffset", 8, 1480),
    ...each("ipv4", "protocol", 254, 61),
    ...each("ipv4", "options", padding(4), padding(40), Uint8Array.of(148, 4, 0, 0), padding(0)),
    ...IPV4_OPTIONS.map((option) => assignment("ipv4", "optionList", [option])),
    assignment("ipv4", "optionList", [{ type: 1, data: padding(0) }, ...IPV4_OPTIONS.slice(0, 2)]),
    ...each("ipv4", "payload", counting(24, 9), counting(0), counting(99)),
  ],
};

const fragment = { offset: 0, moreFragments: false, identification: 0x12345678 } as const;
const routing = { type: 0, segmentsLeft: 0, data: new Uint8Array(4) } as const;
const authentication = {
  ...{ securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue: counting(12) },
} as const;
/** By protocol number: what may stand in the data of an extension header. */
const EXTENSION_DATA: Readonly<Record<number, Uint8Array>> = {
  0: Uint8Array.from([0x1e, 4, ...counting(4)]),
  43: new Uint8Array(6),
  44: Uint8Array.from([0, 0, 0, 0, 0, 7]),
  51: Uint8Array.from([0, 0, ...counting(12)]),
  60: Uint8Array.from([0x3e, 4, ...counting(4)]),
  135: counting(14),
  139: counting(6),
  140: counting(22),
};
/** Options may be filled up behind the others. */
const options6 = (field: "hopByHopOptions" | "destinationOptions"): Change[] =>
  [[0x1e], [0x3e, 0x12], [0, 0, 0x1e], [1, 5]].flatMap((types) => {
    // Pad1 has no data, and that of PadN must be zeros.
    const data = [new Uint8Array(0), new Uint8Array(2)];
    const list = types.map((type) => ({ type, data: data[type] ?? counting(2) }));
    return assignment("ipv6", field, list, ({ ipv6 }) => {
      assert.deepEqual(
        ipv6?.[field]?.slice(0, list.length).map(({ type, data }) => [type, ...data]),
        [
          ...list.map(({ type, data }) => [type, ...data]),
        ],
      );
    });
  });

const ipv6: Scenario = {
  family: 6,
  packet: packetFor(6, { ipv6: { protocol: 253 }, payload: padding(24) }),
  changes: [
    ...each("ipv6", "payloadLength", 23, 8, 16),
    ...each("ipv6", "nextHeader", 59, 254),
    ...each("ipv6", "protocol", 254, 59),
    ...each("ipv6", "fragment", fragment),
    ...each("ipv6", "fragment", { ...fragment, offset: 8 }, { ...fragment, offset: 0xff00 }),
    ...each("ipv6", "fragment", { ...fragment, moreFragments: true, identification: 9 }),
    ...each("ipv6", "payload", counting(24, 9), counting(0), counting(99)),
  ],
};

/** The same header, over a transport layer whose checksum it must not spoil. */
const ipv6Udp: Scenario = {
  family: 6,
  packet: packetFor(6, {
    ipv6: { extensions: [{ protocol: 60, data: EXTENSION_DATA[60]! }] },
    udp: ports,
    payload: counting(21),
  }),
  changes: [
    ...Object.entries(EXTENSION_DATA).map(([protocol, data]) =>
      assignment("ipv6", "extensions", [{ protocol: Number(protocol), data }])
    ),
    assignment(
      "ipv6",
      "extensions",
      [0, 43, 44, 60].map((protocol) => ({
        ...{ protocol, data: EXTENSION_DATA[protocol]! },
      })),
    ),
    ...each("ipv6", "extensions", []),
    ...each("ipv6", "fragment", fragment, { ...fragment, identification: 1 }),
    ...options6("hopByHopOptions"),
    ...options6("destinationOptions"),
    ...each("ipv6", "destinationOptions", undefined),
    ...each("ipv6", "routing", routing, { ...routing, type: 3 }, { ...routing, type: 4 }),
    ...each("ipv6", "routing", { ...routing, data: counting(20) }),
    // Where the route goes on nobody here knows: the kernel says so in an ICMPv6 error.
    {
      ...assignment("ipv6", "routing", { ...routing, segmentsLeft: 1, data: new Uint8Array(20) }),
      bad: { Ip6InHdrErrors: 1 },
    },
    ...each("ipv6", "authentication", authentication),
    ...each("ipv6", "authentication", { ...authentication, securityParametersIndex: 0xfffffffe }),
    ...each("ipv6", "authentication", { ...authentication, sequenceNumber: 0xffffffff }),
    ...each("ipv6", "authentication", { ...authentication, integrityCheckValue: counting(20) }),
  ],
};

function udp(family: 4 | 6): Scenario {
  const ip = `ipv${family}` as const;
  const inside = packetFor(family, { udp: { ...ports, checksum: 1 }, payload: counting(50) });
  return {
    family,
    packet: packetFor(family, { udp: ports, payload: counting(21) }),
    changes: [
      ...each("udp", "length", 28, 13, 8),
      // 0, "as long as the packet", is only IPv6's.
      ...(family === 6 ? each("udp", "length", 0) : []),
      ...each("udp", "payload", counting(21, 7), counting(1), counting(0), counting(1400)),
      // A whole UDP datagram whose checksum is made right.
      assignment(ip, "payload", parseLayers(inside).ip?.payload, ({ udp }) => {
        assert.deepEqual([...udp!.payload], [...counting(50)]);
      }),
    ],
  };
}

/** A segment with every option, and what stays whichever of them is changed. */
function tcpOptions(family: 4 | 6): Scenario {
  const sack = [{ left: 1, right: 2 }, { left: 0xfffffff0, right: 0x10 }];
  const timestamps = { value: 7, echoReply: 8 } as const;
  const changes = [
    ...each("tcp", "mss", 536, 0, 65535, undefined),
    ...each("tcp", "windowScale", 0, 14, undefined),
    ...each("tcp", "sackPermitted", false),
    ...each("tcp", "sack", sack.slice(1), [], undefined),
    ...each("tcp", "timestamps", { ...timestamps, value: 0xffffffff }, undefined),
    ...each("tcp", "timestamps", { ...timestamps, echoReply: 0xfffffffe }),
  ];
  return {
    family,
    packet: packetFor(family, {
      tcp: {
        ...{ ...ports, syn: true, mss: 1400, windowScale: 5, sackPermitted: true },
        ...{ sack: sack.slice(0, 1), timestamps, options: [kept] },
      },
      payload: counting(5),
    }),
    changes: changes.map((change) => ({
      ...change,
      check: (layers) => {
        change.check(layers);
        const other = layers.tcp?.optionList.find(({ kind }) => kind === kept.kind);
        assert.deepEqual([...other!.data], [...kept.data]);
        assert.deepEqual([...layers.tcp!.payload], [...counting(5)]);
      },
    })),
  };
}

function tcp(family: 4 | 6): Scenario {
  const list = [
    { kind: 1, data: padding(0) },
    { kind: 2, data: counting(2) },
    { kind: 3, data: Uint8Array.of(9) },
    { kind: 4, data: padding(0) },
    { kind: 5, data: counting(8) },
    { kind: 8, data: counting(8) },
    ...[30, 34, 253, 254].map((kind) => ({ kind, data: counting(5) })),
  ];
  return {
    family,
    packet: packetFor(family, { tcp: { ...ports, ack: true }, payload: padding(33) }),
    changes: [
      ...each("tcp", "headerLength", 24, 40, 52),
      ...each("tcp", "options", padding(4), padding(40), Uint8Array.of(2, 4, 5, 180), padding(0)),
      ...list.map((option) => assignment("tcp", "optionList", [option])),
      assignment("tcp", "optionList", list.slice(0, 7)),
      ...each("tcp", "mss", 1200),
      ...each("tcp", "windowScale", 3),
      ...each("tcp", "sackPermitted", true),
      ...each("tcp", "sack", [{ left: 5, right: 6 }]),
      ...each("tcp", "timestamps", { value: 1, echoReply: 2 }),
      ...each("tcp", "payload", padding(33).fill(9), counting(0), counting(1400)),
      ...(family === 4 ? each("ipv4", "totalLength", 41) : each("ipv6", "payloadLength", 21)),
    ],
  };
}

/** A message about another packet; which one, no socket here knows. */
function icmp(type: number, ...changes: readonly Change[]): Scenario {
  const quoted = packetFor(4, { udp: ports });
  // Of a type 3 this code alone has an MTU.
  const code = type === 3 ? 4 : 0;
  return { family: 4, packet: packetFor(4, { icmp: { type, code }, payload: quoted }), changes };
}

function icmpv6(type: number, ...changes: readonly Change[]): Scenario {
  const quoted = type < 128 ? packetFor(6, { udp: ports }) : counting(32);
  const ipv6 = { hopLimit: 255 } as const;
  return {
    family: 6,
    packet: packetFor(6, { ipv6, icmpv6: { type, code: 0 }, payload: quoted }),
    changes,
  };
}

const targets = each("icmpv6", "targetAddress", "fe80::1", "::", "fd00::ffff:1");
const payloads = (layer: "icmp" | "icmpv6"): Change[] =>
  each(layer, "payload", counting(8), counting(0), counting(301));

/** What a checksum is that is not right, and how the kernel counts it. */
function checksums(
  family: 4 | 6,
  upper: "tcp" | "udp" | "icmp" | "icmpv6",
  bad: Change["bad"],
): Scenario {
  const fields = upper === "tcp" || upper === "udp" ? { [upper]: ports } : { [upper]: {} };
  const packet = packetFor(family, { ...fields, payload: counting(9) });
  const layers = parseLayers(packet);
  const right = layers[upper]!.checksum;
  const wrong = (checksum: number): number => (checksum + 0x1234) % 0xffff;
  const again = assignment(upper, "checksum", right);
  const changes: Change[] = [
    { ...assignment(upper, "checksum", wrong(right)), ...(bad !== undefined && { bad }) },
    {
      ...again,
      name: `${again.name}, after another`,
      act: (packet) => {
        viewOf(packet, upper)!["checksum"] = wrong(right);
        again.act(packet);
      },
    },
  ];
  if (layers.ipv4 !== undefined) {
    changes.push({
      ...assignment("ipv4", "checksum", wrong(layers.ipv4.checksum)),
      bad: { IpInHdrErrors: 1, IpExtInCsumErrors: 1 },
    });
  }
  return { family, packet, changes };
}

/** By name: packets, and what is written that is more than a plain field. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "IPv4": ipv4,
  "IPv6": ipv6,
  "IPv6 extension headers": ipv6Udp,
  "UDP over IPv4": udp(4),
  "UDP over IPv6": udp(6),
  "TCP over IPv4": tcp(4),
  "TCP over IPv6": tcp(6),
  "TCP options over IPv4": tcpOptions(4),
  "TCP options over IPv6": tcpOptions(6),
  "ICMP unreachable": icmp(3, ...each("icmp", "mtu", 1280, 0, 65535), ...payloads("icmp")),
  "ICMP redirect": icmp(5, ...each("icmp", "gateway", "127.0.0.3", "255.255.255.255")),
  "ICMP parameter problem": icmp(12, ...each("icmp", "pointer", 9, 255)),
  "ICMPv6 too big": icmpv6(2, ...each("icmpv6", "mtu", 1280, 0xffffffff), ...payloads("icmpv6")),
  "ICMPv6 parameter problem": icmpv6(4, ...each("icmpv6", "pointer", 40, 0xffffffff)),
  "ICMPv6 neighbor solicitation": icmpv6(135, ...targets),
  "ICMPv6 neighbor advertisement": icmpv6(136, ...targets),
  "ICMPv6 redirect": icmpv6(137, ...targets),
  "TCP's checksum over IPv4": checksums(4, "tcp", { TcpInErrs: 1, TcpInCsumErrors: 1 }),
  "TCP's checksum over IPv6": checksums(6, "tcp", { TcpInErrs: 1, TcpInCsumErrors: 1 }),
  "UDP's checksum over IPv4": checksums(4, "udp", { UdpInErrors: 1, UdpInCsumErrors: 1 }),
  "UDP's checksum over IPv6": checksums(6, "udp", { Udp6InErrors: 1, Udp6InCsumErrors: 1 }),
  "ICMP's checksum": checksums(4, "icmp", { IcmpInCsumErrors: 1 }),
  "ICMPv6's checksum": checksums(6, "icmpv6", { Icmp6InCsumErrors: 1 }),
};
