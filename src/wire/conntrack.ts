// The conntrack entry inside NFQA_CT: <linux/netfilter/nfnetlink_conntrack.h>. Attribute headers
// are little-endian, the numbers inside big-endian.
import { formatIpv4, formatIpv6 } from "./address.ts";
import { WireError } from "./errors.ts";
import { type NetlinkAttribute, netlinkAttributes, viewOf } from "./netlink.ts";

/** `enum ctattr_type`, as far as it is read here. */
export const CTA = {
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  STATUS: 3,
  PROTOINFO: 4,
  TIMEOUT: 7,
  MARK: 8,
  ID: 12,
  ZONE: 18,
  LABELS: 22,
} as const;

/** `enum ctattr_tuple`. */
export const CTA_TUPLE = { IP: 1, PROTO: 2, ZONE: 3 } as const;

/** `enum ctattr_ip`. */
export const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;

/** `enum ctattr_l4proto`. */
export const CTA_PROTO = {
  NUM: 1,
  SRC_PORT: 2,
  DST_PORT: 3,
  ICMP_ID: 4,
  ICMP_TYPE: 5,
  ICMP_CODE: 6,
  ICMPV6_ID: 7,
  ICMPV6_TYPE: 8,
  ICMPV6_CODE: 9,
} as const;

/** `enum ctattr_protoinfo` and `enum ctattr_protoinfo_tcp`, as far as they are read here. */
export const CTA_PROTOINFO = { TCP: 1, TCP_STATE: 1 } as const;

/** Bits of {@link Conntrack.status}: `enum ip_conntrack_status`. */
export const CONNTRACK_STATUS = {
  EXPECTED: 0x0001,
  SEEN_REPLY: 0x0002,
  ASSURED: 0x0004,
  CONFIRMED: 0x0008,
  SRC_NAT: 0x0010,
  DST_NAT: 0x0020,
  SEQ_ADJUST: 0x0040,
  SRC_NAT_DONE: 0x0080,
  DST_NAT_DONE: 0x0100,
  DYING: 0x0200,
  FIXED_TIMEOUT: 0x0400,
  TEMPLATE: 0x0800,
  UNTRACKED: 0x1000,
  HELPER: 0x2000,
  OFFLOAD: 0x4000,
  HW_OFFLOAD: 0x8000,
} as const;

/** `enum ip_conntrack_info`: how a packet relates to its entry (NFQA_CT_INFO). */
export const CONNTRACK_INFO = {
  ESTABLISHED: 0,
  RELATED: 1,
  NEW: 2,
  ESTABLISHED_REPLY: 3,
  RELATED_REPLY: 4,
  UNTRACKED: 7,
} as const;

/** One direction of a connection. What the kernel did not send is absent. */
export interface ConntrackTuple {
  /** Source address: `a.b.c.d`, or IPv6 in canonical text. */
  source?: string;
  /** Destination address, likewise. */
  destination?: string;
  /** Upper-layer protocol number. */
  protocol?: number;
  sourcePort?: number;
  destinationPort?: number;
  /** ICMP and ICMPv6 only. */
  icmpIdentifier?: number;
  icmpType?: number;
  icmpCode?: number;
  /** The zone of this direction alone. */
  zone?: number;
}

/** A conntrack entry. What the kernel did not send is absent, unless it is said otherwise. */
export interface Conntrack {
  /** The direction of the connection's first packet. */
  original?: ConntrackTuple;
  /** The direction of the answers. */
  reply?: ConntrackTuple;
  /** `CONNTRACK_STATUS` bits; 0 when it was not sent. */
  status: number;
  /** Connection mark, host order; 0 when it was not sent, as the kernel leaves out a zero. */
  mark: number;
  /** Zone; 0, the default zone, when it was not sent. */
  zone: number;
  /** Connection labels: a bit map, borrowed. */
  labels?: Uint8Array;
  /** Seconds until the entry expires. */
  timeout?: number;
  /** The entry's id, 0 to 2³²−1. */
  id?: number;
  /** `enum tcp_conntrack` state: 1 SYN_SENT, 3 ESTABLISHED, … */
  tcpState?: number;
}

/**
 * Reads the payload of NFQA_CT. Attributes that are unknown are skipped; of a repeated one the last
 * counts.
 *
 * @returns plain values; `labels` borrows from `bytes`.
 * @throws {WireError} when an attribute does not fit, or is shorter than its type demands.
 */
export function decodeConntrack(bytes: Uint8Array): Conntrack {
  const view = viewOf(bytes);
  const conntrack: Conntrack = { status: 0, mark: 0, zone: 0 };
  for (const attribute of netlinkAttributes(view, 0, bytes.length, "conntrack attribute")) {
    switch (attribute.type) {
      case CTA.TUPLE_ORIG:
        conntrack.original = readTuple(view, bytes, attribute);
        break;
      case CTA.TUPLE_REPLY:
        conntrack.reply = readTuple(view, bytes, attribute);
        break;
      case CTA.STATUS:
        conntrack.status = u32(view, attribute, "CTA_STATUS");
        break;
      case CTA.PROTOINFO:
        readProtoInfo(view, attribute, conntrack);
        break;
      case CTA.TIMEOUT:
        conntrack.timeout = u32(view, attribute, "CTA_TIMEOUT");
        break;
      case CTA.MARK:
        conntrack.mark = u32(view, attribute, "CTA_MARK");
        break;
      case CTA.ID:
        conntrack.id = u32(view, attribute, "CTA_ID");
        break;
      case CTA.ZONE:
        conntrack.zone = u16(view, attribute, "CTA_ZONE");
        break;
      case CTA.LABELS:
        conntrack.labels = bytes.subarray(attribute.offset, attribute.offset + attribute.length);
        break;
    }
  }
  return conntrack;
}

function readTuple(view: DataView, bytes: Uint8Array, outer: NetlinkAttribute): ConntrackTuple {
  const tuple: ConntrackTuple = {};
  for (const attribute of inside(view, outer, "CTA_TUPLE attribute")) {
    if (attribute.type === CTA_TUPLE.ZONE) tuple.zone = u16(view, attribute, "CTA_TUPLE_ZONE");
    else if (attribute.type === CTA_TUPLE.IP) readAddresses(view, bytes, attribute, tuple);
    else if (attribute.type === CTA_TUPLE.PROTO) readProtocol(view, attribute, tuple);
  }
  return tuple;
}

function readAddresses(
  view: DataView,
  bytes: Uint8Array,
  outer: NetlinkAttribute,
  tuple: ConntrackTuple,
): void {
  for (const attribute of inside(view, outer, "CTA_TUPLE_IP attribute")) {
    switch (attribute.type) {
      case CTA_IP.V4_SRC:
        tuple.source = formatIpv4(u32(view, attribute, "CTA_IP_V4_SRC"));
        break;
      case CTA_IP.V4_DST:
        tuple.destination = formatIpv4(u32(view, attribute, "CTA_IP_V4_DST"));
        break;
      case CTA_IP.V6_SRC:
        need(attribute, 16, "CTA_IP_V6_SRC");
        tuple.source = formatIpv6(bytes, attribute.offset);
        break;
      case CTA_IP.V6_DST:
        need(attribute, 16, "CTA_IP_V6_DST");
        tuple.destination = formatIpv6(bytes, attribute.offset);
        break;
    }
  }
}

type TupleNumber = Exclude<keyof ConntrackTuple, "source" | "destination" | "zone">;

/** Bytes and meaning of each attribute inside CTA_TUPLE_PROTO. */
const PROTO_FIELDS: ReadonlyMap<number, readonly [TupleNumber, 1 | 2]> = new Map([
  [CTA_PROTO.NUM, ["protocol", 1]],
  [CTA_PROTO.SRC_PORT, ["sourcePort", 2]],
  [CTA_PROTO.DST_PORT, ["destinationPort", 2]],
  [CTA_PROTO.ICMP_ID, ["icmpIdentifier", 2]],
  [CTA_PROTO.ICMP_TYPE, ["icmpType", 1]],
  [CTA_PROTO.ICMP_CODE, ["icmpCode", 1]],
  [CTA_PROTO.ICMPV6_ID, ["icmpIdentifier", 2]],
  [CTA_PROTO.ICMPV6_TYPE, ["icmpType", 1]],
  [CTA_PROTO.ICMPV6_CODE, ["icmpCode", 1]],
]);

function readProtocol(view: DataView, outer: NetlinkAttribute, tuple: ConntrackTuple): void {
  for (const attribute of inside(view, outer, "CTA_TUPLE_PROTO attribute")) {
    const field = PROTO_FIELDS.get(attribute.type);
    if (field === undefined) continue;
    const [name, size] = field;
    const read = size === 1 ? u8 : u16;
    tuple[name] = read(view, attribute, `CTA_PROTO ${name}`);
  }
}

function readProtoInfo(view: DataView, outer: NetlinkAttribute, conntrack: Conntrack): void {
  for (const protocol of inside(view, outer, "CTA_PROTOINFO attribute")) {
    if (protocol.type !== CTA_PROTOINFO.TCP) continue;
    for (const attribute of inside(view, protocol, "CTA_PROTOINFO_TCP attribute")) {
      if (attribute.type !== CTA_PROTOINFO.TCP_STATE) continue;
      conntrack.tcpState = u8(view, attribute, "CTA_PROTOINFO_TCP_STATE");
    }
  }
}

function inside(
  view: DataView,
  { offset, length }: NetlinkAttribute,
  layer: string,
): Generator<NetlinkAttribute, void, undefined> {
  return netlinkAttributes(view, offset, offset + length, layer);
}

function u8(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 1, name);
  return view.getUint8(attribute.offset);
}

function u16(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 2, name);
  return view.getUint16(attribute.offset, false);
}

function u32(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 4, name);
  return view.getUint32(attribute.offset, false);
}

function need({ offset, length }: NetlinkAttribute, need: number, name: string): void {
  if (length < need) {
    throw new WireError({ layer: `${name} attribute`, offset, need, have: length });
  }
}
