// One direction of a connection, in CTA_TUPLE_ORIG and its like: read and written.
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../../base/address.ts";
import { inside, need, readU16, readU32, readU8 } from "../attribute_reader.ts";
import type { AttributeWriter } from "../attribute_writer.ts";
import { CTA_IP, CTA_PROTO, CTA_TUPLE } from "./numbers.ts";
import type { NetlinkAttribute } from "../message.ts";
import { checkObject } from "../../base/objects.ts";
import { checkInteger, checkU16, show } from "../../base/checks.ts";

/** One direction of a connection. What the kernel did not send is absent. */
export interface ConntrackTuple {
  /** Source address: `a.b.c.d`, or IPv6 in canonical text. */
  source?: string;
  /** Destination address, likewise. */
  destination?: string;
  /** Upper-layer protocol number. */
  protocol?: number;
  /** Source port; for GRE the call's key. */
  sourcePort?: number;
  /** Destination port, likewise. */
  destinationPort?: number;
  /** ICMP and ICMPv6 only. */
  icmpIdentifier?: number;
  /** The same of the type, 0 to 255. */
  icmpType?: number;
  /** The same of the code, 0 to 255. */
  icmpCode?: number;
  /** The zone of this direction alone. */
  zone?: number;
}

/** Reads what is inside a tuple attribute. */
export function readTuple(
  view: DataView,
  bytes: Uint8Array,
  outer: NetlinkAttribute,
): ConntrackTuple {
  const tuple: ConntrackTuple = {};
  for (const attribute of inside(view, outer, "CTA_TUPLE attribute")) {
    if (attribute.type === CTA_TUPLE.ZONE) tuple.zone = readU16(view, attribute, "CTA_TUPLE_ZONE");
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
        tuple.source = formatIpv4(readU32(view, attribute, "CTA_IP_V4_SRC"));
        break;
      case CTA_IP.V4_DST:
        tuple.destination = formatIpv4(readU32(view, attribute, "CTA_IP_V4_DST"));
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
    const read = size === 1 ? readU8 : readU16;
    tuple[name] = read(view, attribute, `CTA_PROTO ${name}`);
  }
}

/**
 * Adds a tuple attribute with what is there of the tuple.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range
 */
export function writeTuple(
  writer: AttributeWriter,
  type: number,
  { field, tuple }: { readonly field: string; readonly tuple: Readonly<ConntrackTuple> },
): void {
  checkObject(field, tuple);
  const { protocol, zone } = tuple;
  const addresses = [
    [CTA_IP.V4_SRC, CTA_IP.V6_SRC, addressOf(`${field}.source`, tuple.source)],
    [CTA_IP.V4_DST, CTA_IP.V6_DST, addressOf(`${field}.destination`, tuple.destination)],
  ] as const;
  writer.nest(type, () => {
    writer.nest(CTA_TUPLE.IP, () => {
      for (const [v4, v6, address] of addresses) {
        if (typeof address === "number") writer.u32(v4, address);
        else if (address !== undefined) writer.bytes(v6, address);
      }
    });
    writer.nest(CTA_TUPLE.PROTO, () => {
      for (const [attribute, [name, size]] of PROTO_FIELDS) {
        const value = tuple[name];
        if (value === undefined) continue;
        // ICMP's three numbers have other attributes in version 6.
        const version6 = attribute >= CTA_PROTO.ICMPV6_ID;
        if (attribute >= CTA_PROTO.ICMP_ID && version6 !== (protocol === 58)) continue;
        if (size === 1) writer.u8(attribute, checkInteger(`${field}.${name}`, value, 0, 0xff));
        else writer.u16(attribute, checkU16(`${field}.${name}`, value));
      }
    });
    if (zone !== undefined) writer.u16(CTA_TUPLE.ZONE, checkU16(`${field}.zone`, zone));
  });
}

/** IPv4 as a number, IPv6 as its 16 bytes. */
function addressOf(field: string, text: unknown): number | Uint8Array | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== "string") throw new TypeError(`${field} must be a string, got ${show(text)}`);
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}
