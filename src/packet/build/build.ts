// Packets from nothing: every header as bytes of its own, put together at the end, when lengths and
// checksums are known.
import { parseIpv6, parseMac } from "../../base/address.ts";
import type {
  ArpFields,
  EthernetFields,
  IpFields,
  Ipv4Fields,
  Ipv6Fields,
  PacketFields,
  VlanFields,
} from "./fields.ts";
import { checkFields } from "./names.ts";
import { buildIcmp, buildTcp, buildUdp, type UpperPart } from "./upper.ts";
import { copyOf, fixed, isShared } from "../../base/bytes.ts";
import { checksumAdd, checksumFinish } from "../structure/checksum.ts";
import { PacketBytes } from "../structure/packet_bytes.ts";
import { checkWords, Header } from "./header_writer.ts";
import { encodeExtensions } from "../structure/ipv6_extensions.ts";
import {
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "../structure/ip_layouts.ts";
import { UDP_OFFSET } from "../structure/upper_layouts.ts";
import {
  ARP_OFFSET,
  ETHERNET_HEADER_SIZE,
  ETHERNET_OFFSET,
  VLAN_OFFSET,
  VLAN_TAG_SIZE,
} from "../structure/link_layouts.ts";
import { encodeOptions, padBytes, rawOptions } from "../structure/header_options.ts";
import { Outline } from "../structure/outline.ts";
import { ETHERTYPE, IP_PROTOCOL, OTHER_PROTOCOL } from "../structure/protocols.ts";
import { coveredSum } from "../structure/pseudo.ts";
import {
  checkBoolean,
  checkedLength,
  checkExactBytes,
  checkInteger,
  checkText,
} from "../../base/checks.ts";

/** The protocol number of a packet without an upper layer that is known here. */
const RESERVED_PROTOCOL = 255;
/** Where the addresses are in an ARP packet about Ethernet and IPv4, and its bytes. */
const ARP_ADDRESSES = {
  senderHardware: ARP_OFFSET.addresses,
  senderProtocol: 14,
  targetHardware: 18,
  targetProtocol: 24,
} as const;
const ARP_SIZE = 28;
const NO_BYTES: Uint8Array = new Uint8Array(new ArrayBuffer(0));
const ANY4 = "0.0.0.0";
const ANY6 = "::";
const NO_MAC = "00:00:00:00:00:00";

/** An IP header, and the sum of the addresses that the upper layer's checksum covers. */
interface NetworkPart {
  readonly bytes: Uint8Array;
  readonly addresses: number;
}

/**
 * A packet from nothing. Lengths, checksums, protocol numbers and header lengths are filled in; what
 * is given is kept, wrong values too, as tests and research need them.
 *
 * @returns the packet from the network header on, or from the Ethernet header on if there is one, in
 * memory of its own.
 * @throws {TypeError | RangeError} when a field does not fit its bits, headers do not go together, or
 * the packet would be too long.
 * @example
 * ```ts
 * import { buildPacket, parseLayers } from "@nfqueue/nfqueue/packet";
 *
 * const bytes = buildPacket({
 *   ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
 *   udp: { sourcePort: 5000, destinationPort: 53 },
 *   payload: new TextEncoder().encode("hello"),
 * });
 * console.log(parseLayers(bytes).udp?.length); // 13
 * ```
 */
export function buildPacket(given: PacketFields): Uint8Array<ArrayBuffer> {
  checkTogether(given);
  const fields = given.ip === undefined ? given : withVersion(given, given.ip);
  const { ethernet, vlan, arp, ipv4, ipv6, payload: data = NO_BYTES } = fields;
  const count = checkedLength("payload", data);
  const upper = upperOf(fields, count);
  const rest = (upper?.bytes.length ?? 0) + count;
  const parts: Uint8Array[] = [];
  if (ethernet !== undefined) {
    const tags = vlan === undefined ? [] : Array.isArray(vlan) ? vlan : [vlan];
    parts.push(buildEthernet(ethernet, tags as readonly VlanFields[], etherTypeOf(fields)));
  }
  if (arp !== undefined) parts.push(buildArp(arp));
  let network: NetworkPart | undefined;
  const next = upper?.protocol ?? RESERVED_PROTOCOL;
  if (ipv4 !== undefined) network = buildIpv4(ipv4, next, rest);
  if (ipv6 !== undefined) {
    network = buildIpv6(ipv6, rest === 0 ? OTHER_PROTOCOL.NO_NEXT_HEADER : next, rest);
  }
  if (network !== undefined) parts.push(network.bytes);
  // Only now, because reading the fields may run the program's own code. What another thread may
  // write is copied first: the checksum must be that of the bytes that are sent.
  const own = isShared(data) ? copyOf(data) : data;
  checkExactBytes("payload", own, count);
  const payload = fixed(own);
  if (upper !== undefined) {
    finishUpperPart(upper, network?.addresses ?? 0, payload);
    parts.push(upper.bytes);
  }
  parts.push(payload);
  return concatenate(parts);
}

function checkTogether(fields: PacketFields): void {
  checkFields(fields);
  const { arp, ip, ipv4, ipv6, tcp, udp, icmp, icmpv6 } = fields;
  const given = (headers: object): string[] =>
    Object.entries(headers).filter(([, header]) => header !== undefined).map(([name]) => name);
  const networks = given({ arp, ip, ipv4, ipv6 });
  const uppers = given({ tcp, udp, icmp, icmpv6 });
  for (const names of [networks, uppers]) {
    if (names.length > 1) throw new TypeError(`a packet has one of ${names.join(" and ")}`);
  }
  if (uppers.length > 0 && (networks.length === 0 || arp !== undefined)) {
    throw new TypeError(`${uppers[0]} needs ip, ipv4 or ipv6`);
  }
  if (fields.vlan !== undefined && fields.ethernet === undefined) {
    throw new TypeError("vlan needs ethernet");
  }
}

/** The same with the header whose version the addresses of `ip` say. */
function withVersion(fields: PacketFields, ip: IpFields): PacketFields {
  const { source, destination, ttl, dscp = 0, ecn = 0, protocol } = ip;
  const [version, other] = [source, destination].map((address) =>
    address === undefined ? 0 : checkText("an address of ip", address).includes(":") ? 6 : 4
  );
  if (!version && !other) throw new TypeError("ip needs a source or a destination");
  if (version && other && version !== other) {
    throw new RangeError(`ip.source is of IPv${version}, and ip.destination of IPv${other}`);
  }
  const rest = { ...fields, ip: undefined };
  if ((version || other) === 4) {
    return { ...rest, ipv4: { source, destination, ttl, dscp, ecn, protocol } };
  }
  checkInteger("ip.dscp", dscp, 0, 63);
  checkInteger("ip.ecn", ecn, 0, 3);
  const trafficClass = (dscp << 2) | ecn;
  return { ...rest, ipv6: { source, destination, hopLimit: ttl, trafficClass, protocol } };
}

function etherTypeOf({ arp, ipv4, ipv6 }: PacketFields): number {
  if (arp !== undefined) return ETHERTYPE.ARP;
  if (ipv4 !== undefined) return ETHERTYPE.IPV4;
  return ipv6 !== undefined ? ETHERTYPE.IPV6 : 0;
}

function upperOf(
  { tcp, udp, icmp, icmpv6 }: PacketFields,
  data: number,
): UpperPart | undefined {
  if (tcp !== undefined) return buildTcp(tcp);
  if (udp !== undefined) return buildUdp(udp, data);
  if (icmp !== undefined) return buildIcmp(icmp, "icmp");
  return icmpv6 && buildIcmp(icmpv6, "icmpv6");
}

function buildEthernet(
  { destination = NO_MAC, source = NO_MAC, etherType }: EthernetFields,
  tags: readonly VlanFields[],
  inner: number,
): Uint8Array {
  const header = new Header("ethernet", ETHERNET_HEADER_SIZE + VLAN_TAG_SIZE * tags.length);
  header.bytes.set(parseMac(destination, "ethernet.destination"), ETHERNET_OFFSET.destination);
  header.bytes.set(parseMac(source, "ethernet.source"), ETHERNET_OFFSET.source);
  // A given ethertype is the last one: what the packet inside is said to be.
  let at: number = ETHERNET_OFFSET.etherType;
  for (const [index, tag] of tags.entries()) {
    const outer = index < tags.length - 1;
    const { protocol = outer ? ETHERTYPE.SERVICE_VLAN : ETHERTYPE.VLAN } = tag;
    const { priority = 0, dropEligible = false, id = 0 } = tag;
    header.u16(at + VLAN_OFFSET.protocol, "protocol", protocol);
    checkInteger("vlan.priority", priority, 0, 7);
    checkInteger("vlan.id", id, 0, 0xfff);
    const flag = checkBoolean("vlan.dropEligible", dropEligible) ? 0x1000 : 0;
    header.u16(at + VLAN_OFFSET.control, "tag", (priority << 13) | flag | id);
    at += VLAN_TAG_SIZE;
  }
  header.u16(at, "etherType", etherType ?? inner);
  return header.bytes;
}

function buildArp(fields: ArpFields): Uint8Array {
  const { hardwareType = 1, protocolType = ETHERTYPE.IPV4, operation = 1 } = fields;
  const { hardwareLength = 6, protocolLength = 4 } = fields;
  const { senderHardwareAddress = NO_MAC, senderProtocolAddress = ANY4 } = fields;
  const { targetHardwareAddress = NO_MAC, targetProtocolAddress = ANY4 } = fields;
  const header = new Header("arp", ARP_SIZE);
  header.u16(ARP_OFFSET.hardwareType, "hardwareType", hardwareType);
  header.u16(ARP_OFFSET.protocolType, "protocolType", protocolType);
  header.u8(ARP_OFFSET.hardwareLength, "hardwareLength", hardwareLength);
  header.u8(ARP_OFFSET.protocolLength, "protocolLength", protocolLength);
  header.u16(ARP_OFFSET.operation, "operation", operation);
  const at = ARP_ADDRESSES;
  header.bytes.set(parseMac(senderHardwareAddress, "arp.senderHardwareAddress"), at.senderHardware);
  header.ipv4(at.senderProtocol, "senderProtocolAddress", senderProtocolAddress);
  header.bytes.set(parseMac(targetHardwareAddress, "arp.targetHardwareAddress"), at.targetHardware);
  header.ipv4(at.targetProtocol, "targetProtocolAddress", targetProtocolAddress);
  return header.bytes;
}

function buildIpv4(fields: Ipv4Fields, next: number, rest: number): NetworkPart {
  const options = ipv4Options(fields.options ?? NO_BYTES);
  const size = IPV4_HEADER_SIZE + options.length;
  const { version = 4, headerLength = size, dscp = 0, ecn = 0, totalLength } = fields;
  const { identification = 0, fragmentOffset = 0, ttl = 64, protocol = next, checksum } = fields;
  const { source = ANY4, destination = ANY4 } = fields;
  const { reservedFlag = false, dontFragment = false, moreFragments = false } = fields;
  checkInteger("ipv4.version", version, 0, 15);
  checkWords("ipv4.headerLength", headerLength);
  checkInteger("ipv4.dscp", dscp, 0, 63);
  checkInteger("ipv4.ecn", ecn, 0, 3);
  checkInteger("ipv4.fragmentOffset", fragmentOffset, 0, 0xfff8);
  if (fragmentOffset % 8 !== 0) {
    throw new RangeError(`ipv4.fragmentOffset must be a multiple of 8, got ${fragmentOffset}`);
  }
  const header = new Header("ipv4", size);
  header.u8(IPV4_OFFSET.versionAndLength, "version", (version << 4) | (headerLength >> 2));
  header.u8(IPV4_OFFSET.trafficClass, "dscp", (dscp << 2) | ecn);
  header.u16(
    IPV4_OFFSET.totalLength,
    "totalLength",
    totalLength ?? checkLength("an IPv4 packet", size + rest),
  );
  header.u16(IPV4_OFFSET.identification, "identification", identification);
  const flags = (checkBoolean("ipv4.reservedFlag", reservedFlag) ? IPV4_FRAGMENT.RESERVED : 0) |
    (checkBoolean("ipv4.dontFragment", dontFragment) ? IPV4_FRAGMENT.DONT_FRAGMENT : 0) |
    (checkBoolean("ipv4.moreFragments", moreFragments) ? IPV4_FRAGMENT.MORE_FRAGMENTS : 0);
  header.u16(IPV4_OFFSET.fragment, "fragmentOffset", flags | (fragmentOffset >> 3));
  header.u8(IPV4_OFFSET.ttl, "ttl", ttl);
  header.u8(IPV4_OFFSET.protocol, "protocol", protocol);
  header.ipv4(IPV4_OFFSET.source, "source", source);
  header.ipv4(IPV4_OFFSET.destination, "destination", destination);
  header.bytes.set(options, IPV4_HEADER_SIZE);
  header.u16(
    IPV4_OFFSET.checksum,
    "checksum",
    checksum ?? checksumFinish(checksumAdd(header.bytes)),
  );
  return { bytes: header.bytes, addresses: addressSum(header.bytes, ETHERTYPE.IPV4) };
}

function ipv4Options(options: NonNullable<Ipv4Fields["options"]>): Uint8Array {
  if (options instanceof Uint8Array) return padBytes("ipv4.options", options);
  return encodeOptions(
    "ipv4.options",
    rawOptions("ipv4.options", options, ({ type, data }) => [type, data]),
  );
}

function buildIpv6(fields: Ipv6Fields, next: number, rest: number): NetworkPart {
  const { version = 6, trafficClass = 0, flowLabel = 0, payloadLength, hopLimit = 64 } = fields;
  const { source = ANY6, destination = ANY6, protocol = next } = fields;
  checkInteger("ipv6.protocol", protocol, 0, 255);
  const extensions = encodeExtensions(fields.extensions ?? [], protocol);
  const { nextHeader = extensions.nextHeader } = fields;
  checkInteger("ipv6.version", version, 0, 15);
  checkInteger("ipv6.trafficClass", trafficClass, 0, 255);
  checkInteger("ipv6.flowLabel", flowLabel, 0, 0xfffff);
  const header = new Header("ipv6", IPV6_HEADER_SIZE + extensions.bytes.length);
  const first = ((version << 28) | (trafficClass << 20) | flowLabel) >>> 0;
  header.u32(IPV6_OFFSET.versionAndClass, "flowLabel", first);
  const length = extensions.bytes.length + rest;
  header.u16(
    IPV6_OFFSET.payloadLength,
    "payloadLength",
    payloadLength ?? checkLength("an IPv6 payload", length),
  );
  header.u8(IPV6_OFFSET.nextHeader, "nextHeader", nextHeader);
  header.u8(IPV6_OFFSET.hopLimit, "hopLimit", hopLimit);
  header.bytes.set(parseIpv6(source, "ipv6.source"), IPV6_OFFSET.source);
  header.bytes.set(parseIpv6(destination, "ipv6.destination"), IPV6_OFFSET.destination);
  header.bytes.set(extensions.bytes, IPV6_HEADER_SIZE);
  const { bytes } = header;
  return { bytes, addresses: addressSum(bytes, ETHERTYPE.IPV6) };
}

/** The sum of the addresses that the checksum covers; where they cannot be told the header's. */
function addressSum(header: Uint8Array, ethertype: number): number {
  const outline = new Outline(new PacketBytes(header), ethertype, 0);
  const sum = outline.version === 0 ? -1 : coveredSum(outline);
  if (sum >= 0) return sum;
  return ethertype === ETHERTYPE.IPV4
    ? checksumAdd(header, IPV4_OFFSET.source, IPV4_HEADER_SIZE)
    : checksumAdd(header, IPV6_OFFSET.source, IPV6_HEADER_SIZE);
}

function checkLength(what: string, length: number): number {
  if (length <= 0xffff) return length;
  throw new RangeError(`${what} has at most 65535 bytes, this one would have ${length}`);
}

function finishUpperPart(part: UpperPart, addresses: number, payload: Uint8Array): void {
  const { bytes, protocol, checksumAt, checksum } = part;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (checksum !== undefined) {
    view.setUint16(checksumAt, checksum);
    return;
  }
  let covered = payload.length;
  if (protocol === IP_PROTOCOL.UDP) {
    // What is behind the datagram's own end is not covered (RFC 768, RFC 9868).
    const data = view.getUint16(UDP_OFFSET.length) - bytes.length;
    if (data >= 0) covered = Math.min(covered, data);
  }
  const pseudo = addresses + protocol + bytes.length + covered;
  const initial = protocol === IP_PROTOCOL.ICMP ? 0 : pseudo;
  // Every header has whole words, so that the payload's sum follows on.
  const sum = checksumAdd(payload, 0, covered, checksumAdd(bytes, 0, bytes.length, initial));
  const finished = checksumFinish(sum);
  view.setUint16(checksumAt, finished === 0 && protocol === IP_PROTOCOL.UDP ? 0xffff : finished);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(new ArrayBuffer(length));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
