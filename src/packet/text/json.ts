// What the views are as plain values: for JSON.stringify, for console.log, and for inspect().
import type { ArpView } from "../link/arp.ts";
import type { EthernetLayers, EthernetView } from "../link/ethernet.ts";
import { formatHex } from "../../base/hex.ts";
import type { IcmpView } from "../transport/icmp.ts";
import type { Icmpv6View } from "../transport/icmpv6.ts";
import type { Ipv4View } from "../ip/ipv4.ts";
import type { Ipv6View } from "../ip/ipv6.ts";
import type { Layers } from "../layers.ts";
import type { TcpView } from "../transport/tcp.ts";
import type { UdpView } from "../transport/udp.ts";
import type { VlanView } from "../link/vlan.ts";

/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | JsonObject;

/** An object of such values; what is absent has no key. */
export interface JsonObject {
  readonly [field: string]: JsonValue;
}

/** The method that console.log asks an object for what to show, in every runtime. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** The fields of each header, in its order; other forms of the same value (numbers) are left out. */
export const FIELDS = {
  ethernet: ["destination", "source", "etherType"],
  vlan: ["protocol", "priority", "dropEligible", "id", "etherType"],
  arp: [
    ...["hardwareType", "protocolType", "hardwareLength", "protocolLength", "operation"] as const,
    ...["senderHardwareAddress", "senderProtocolAddress"] as const,
    ...["targetHardwareAddress", "targetProtocolAddress"] as const,
  ],
  ipv4: [
    ...["version", "headerLength", "dscp", "ecn", "totalLength", "identification"] as const,
    ...["reservedFlag", "dontFragment", "moreFragments", "fragmentOffset"] as const,
    ...["ttl", "protocol", "checksum", "source", "destination", "options", "optionList"] as const,
  ],
  ipv6: [
    ...["version", "headerLength", "trafficClass", "dscp", "ecn", "flowLabel"] as const,
    ...["payloadLength", "nextHeader", "hopLimit", "protocol", "source", "destination"] as const,
    ...["extensions", "hopByHopOptions", "routing", "fragment", "authentication"] as const,
    "destinationOptions",
  ],
  tcp: [
    ...["sourcePort", "destinationPort", "sequenceNumber", "acknowledgmentNumber"] as const,
    ...["headerLength", "reserved", "flags"] as const,
    ...["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"] as const,
    ...["windowSize", "checksum", "urgentPointer", "options", "optionList"] as const,
    ...["mss", "windowScale", "sackPermitted", "sack", "timestamps"] as const,
  ],
  udp: ["sourcePort", "destinationPort", "length", "checksum"],
  icmp: [
    ...["type", "typeName", "code", "checksum", "identifier", "sequenceNumber"] as const,
    ...["mtu", "gateway", "pointer", "restOfHeader", "quotedFlow"] as const,
  ],
  icmpv6: [
    ...["type", "typeName", "code", "checksum", "identifier", "sequenceNumber"] as const,
    ...["mtu", "pointer", "targetAddress", "restOfHeader", "quotedFlow"] as const,
  ],
} as const;

/**
 * Any value as JSON can hold it: bytes become hex, a bigint its decimal text, what has no fields a
 * string.
 */
export function jsonValue(value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "object":
      if (value === null) return null;
      if (value instanceof Uint8Array) return formatHex(value);
      // A flow.
      if ("toJSON" in value && typeof value.toJSON === "function") return jsonValue(value.toJSON());
      if (Array.isArray(value)) return value.map(jsonValue);
      return jsonFields(value, Object.keys(value) as (keyof typeof value)[]);
    default:
      return `${String(value)}`;
  }
}

/** The named properties of an object; those that are undefined are left out. */
export function jsonFields<Source extends object>(
  source: Source,
  names: readonly (keyof Source)[],
): JsonObject {
  const json: Record<string, JsonValue> = {};
  for (const name of names) {
    const value = source[name];
    if (value !== undefined) json[name as string] = jsonValue(value);
  }
  return json;
}

/** The fields of an Ethernet header. */
export function ethernetJson(view: EthernetView): JsonObject {
  return jsonFields(view, FIELDS.ethernet);
}

/** The fields of a VLAN tag. */
export function vlanJson(view: VlanView): JsonObject {
  return jsonFields(view, FIELDS.vlan);
}

/** The fields of an ARP packet. */
export function arpJson(view: ArpView): JsonObject {
  return jsonFields(view, FIELDS.arp);
}

/** The fields of an IPv4 header and its payload. */
export function ipv4Json(view: Ipv4View): JsonObject {
  return jsonFields(view, [...FIELDS.ipv4, "payload"]);
}

/** The fields of an IPv6 header with its extension headers, and its payload. */
export function ipv6Json(view: Ipv6View): JsonObject {
  return jsonFields(view, [...FIELDS.ipv6, "payload"]);
}

/** The fields of a TCP header and its payload. */
export function tcpJson(view: TcpView): JsonObject {
  return jsonFields(view, [...FIELDS.tcp, "payload"]);
}

/** The fields of a UDP header and its payload. */
export function udpJson(view: UdpView): JsonObject {
  return jsonFields(view, [...FIELDS.udp, "payload"]);
}

/** The fields of an ICMP header and its payload. */
export function icmpJson(view: IcmpView): JsonObject {
  return jsonFields(view, [...FIELDS.icmp, "payload"]);
}

/** The fields of an ICMPv6 header and its payload. */
export function icmpv6Json(view: Icmpv6View): JsonObject {
  return jsonFields(view, [...FIELDS.icmpv6, "payload"]);
}

/** Every header by its name in `Layers`, without any payload. */
export function headersJson({ arp, ipv4, ipv6, tcp, udp, icmp, icmpv6 }: Layers): JsonObject {
  return {
    ...(arp && { arp: jsonFields(arp, FIELDS.arp) }),
    ...(ipv4 && { ipv4: jsonFields(ipv4, FIELDS.ipv4) }),
    ...(ipv6 && { ipv6: jsonFields(ipv6, FIELDS.ipv6) }),
    ...(tcp && { tcp: jsonFields(tcp, FIELDS.tcp) }),
    ...(udp && { udp: jsonFields(udp, FIELDS.udp) }),
    ...(icmp && { icmp: jsonFields(icmp, FIELDS.icmp) }),
    ...(icmpv6 && { icmpv6: jsonFields(icmpv6, FIELDS.icmpv6) }),
  };
}

/** What follows the innermost header that could be read; of a packet without any, all of it. */
export function innermostPayload(layers: Layers): Uint8Array {
  const { arp, ip, tcp, udp, icmp, icmpv6 } = layers;
  // What is behind an ARP packet's addresses is padding.
  if (arp !== undefined) return new Uint8Array(0);
  const view = tcp ?? udp ?? icmp ?? icmpv6 ?? ip;
  return view === undefined ? layers.frame.subarray(layers.networkOffset) : view.payload;
}

/** Every header, what follows the innermost one, and what could not be read. */
export function layersJson(layers: Layers): JsonObject {
  const { malformed } = layers;
  return {
    ...headersJson(layers),
    payload: formatHex(innermostPayload(layers)),
    ...(malformed && { malformed: jsonValue(malformed) }),
  };
}

/** The same of an Ethernet frame, with its header and VLAN tags before the packet's. */
export function frameJson({ ethernet, vlans, layers, malformed }: EthernetLayers): JsonObject {
  return {
    ...(ethernet && { ethernet: ethernetJson(ethernet) }),
    ...(vlans.length > 0 && { vlans: vlans.map(vlanJson) }),
    ...(layers && layersJson(layers)),
    ...(malformed && { malformed: jsonValue(malformed) }),
  };
}

/** What console.log shows of a view: its fields, or why they cannot be read. Never throws. */
export function shown(view: { toJSON(): JsonObject }): JsonObject | string {
  try {
    return view.toJSON();
  } catch (error) {
    return error instanceof Error ? `[${error.name}: ${error.message}]` : "[not readable]";
  }
}
