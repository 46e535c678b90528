/**
 * libnetfilter_queue_ipv4.h and libnetfilter_queue_ipv6.h: the two network headers, and what must
 * hold before the C functions for them may run.
 *
 * @module
 */

import { BufferHeader } from "./header.ts";
import { type PacketMemory, trimMovesEnd } from "./memory.ts";

/** Bytes of `struct iphdr`. */
export const IPV4_HEADER = 20;
/** Bytes of `struct ip6_hdr`. */
export const IPV6_HEADER = 40;
/** The largest packet that the length fields can tell. */
const LONGEST = 0xffff;
const NEXT_HEADER = 6;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_AH = 51;
const IPPROTO_NONE = 59;
/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 44, 51, 60, 135, 139, 140]);

/** `struct iphdr` (<netinet/ip.h>): an IPv4 header without its options. */
export class IpHeader extends BufferHeader {
  /** @internal */
  constructor(memory: PacketMemory) {
    super(memory, memory.network, IPV4_HEADER);
  }

  /** 4. */
  get version(): number {
    return this.bits(0, 4, 4);
  }

  set version(value: number) {
    this.setBits("version", 0, { shift: 4, width: 4, value });
  }

  /** Header length in 4-byte words, 5 to 15 (whatever the packet says, so 0 to 15). */
  get ihl(): number {
    return this.bits(0, 0, 4);
  }

  set ihl(value: number) {
    this.setBits("ihl", 0, { shift: 0, width: 4, value });
  }

  /** Type of service: DSCP and ECN. */
  get tos(): number {
    return this.u8(1);
  }

  set tos(value: number) {
    this.setU8("tos", 1, value);
  }

  /** Bytes of header and payload. */
  get tot_len(): number {
    return this.u16(2);
  }

  set tot_len(value: number) {
    this.setU16("tot_len", 2, value);
  }

  /** Identification. */
  get id(): number {
    return this.u16(4);
  }

  set id(value: number) {
    this.setU16("id", 4, value);
  }

  /** Flags (upper 3 bits) and fragment offset in 8-byte units (lower 13). */
  get frag_off(): number {
    return this.u16(6);
  }

  set frag_off(value: number) {
    this.setU16("frag_off", 6, value);
  }

  /** Time to live. */
  get ttl(): number {
    return this.u8(8);
  }

  set ttl(value: number) {
    this.setU8("ttl", 8, value);
  }

  /** Number of the protocol inside: 6 for TCP, 17 for UDP. */
  get protocol(): number {
    return this.u8(9);
  }

  set protocol(value: number) {
    this.setU8("protocol", 9, value);
  }

  /** Header checksum; `nfq_ip_set_checksum` computes it. */
  get check(): number {
    return this.u16(10);
  }

  set check(value: number) {
    this.setU16("check", 10, value);
  }

  /** Source address: 4 bytes. */
  get saddr(): Uint8Array {
    return this.read(12, 4);
  }

  set saddr(value: Uint8Array) {
    this.write("saddr", 12, { value, length: 4 });
  }

  /** Destination address: 4 bytes. */
  get daddr(): Uint8Array {
    return this.read(16, 4);
  }

  set daddr(value: Uint8Array) {
    this.write("daddr", 16, { value, length: 4 });
  }
}

/** `struct ip6_hdr` (<netinet/ip6.h>). */
export class Ip6Header extends BufferHeader {
  /** @internal */
  constructor(memory: PacketMemory) {
    super(memory, memory.network, IPV6_HEADER);
  }

  /** Version (4 bits), traffic class (8) and flow label (20). */
  get ip6_flow(): number {
    return this.u32(0);
  }

  set ip6_flow(value: number) {
    this.setU32("ip6_flow", 0, value);
  }

  /** Bytes of what follows these 40. */
  get ip6_plen(): number {
    return this.u16(4);
  }

  set ip6_plen(value: number) {
    this.setU16("ip6_plen", 4, value);
  }

  /** Number of the next header. */
  get ip6_nxt(): number {
    return this.u8(NEXT_HEADER);
  }

  set ip6_nxt(value: number) {
    this.setU8("ip6_nxt", NEXT_HEADER, value);
  }

  /** Hop limit. */
  get ip6_hlim(): number {
    return this.u8(7);
  }

  set ip6_hlim(value: number) {
    this.setU8("ip6_hlim", 7, value);
  }

  /** Source address: 16 bytes. */
  get ip6_src(): Uint8Array {
    return this.read(8, 16);
  }

  set ip6_src(value: Uint8Array) {
    this.write("ip6_src", 8, { value, length: 16 });
  }

  /** Destination address: 16 bytes. */
  get ip6_dst(): Uint8Array {
    return this.read(24, 16);
  }

  set ip6_dst(value: Uint8Array) {
    this.write("ip6_dst", 24, { value, length: 16 });
  }
}

/** Whether the packet begins with a network header of that version, all of which is there. */
export function hasIp(memory: PacketMemory, version: 4 | 6): boolean {
  const least = version === 4 ? IPV4_HEADER : IPV6_HEADER;
  return memory.networkLength >= least && memory.view.getUint8(memory.network) >> 4 === version;
}

/** Bytes of IPv4 header with its options, or null unless they are all there. */
export function ipv4HeaderLength(memory: PacketMemory): number | null {
  if (!hasIp(memory, 4)) return null;
  const length = (memory.view.getUint8(memory.network) & 15) * 4;
  return length >= IPV4_HEADER && length <= memory.networkLength ? length : null;
}

/** `tot_len`, or null when it counts bytes that are not there. */
export function ipv4TotalLength(memory: PacketMemory): number | null {
  if (!hasIp(memory, 4)) return null;
  const length = memory.view.getUint16(memory.network + 2);
  return length <= memory.networkLength ? length : null;
}

/** Bytes that `tot_len` counts from the transport header on, or null when C would count others. */
export function ipv4TransportLength(memory: PacketMemory): number | null {
  const header = ipv4HeaderLength(memory);
  const total = ipv4TotalLength(memory);
  if (header === null || total === null || total < header) return null;
  return memory.transport === memory.network + header ? total - header : null;
}

/** Bytes from the IPv6 header to the transport header; null unless both are there. */
export function ipv6TransportOffset(memory: PacketMemory): number | null {
  const { network, transport } = memory;
  if (!hasIp(memory, 6) || transport === null || transport - network < IPV6_HEADER) return null;
  return transport - network;
}

/** Bytes that `ip6_plen` counts from the transport header on, or null when C would count others. */
export function ipv6TransportLength(memory: PacketMemory): number | null {
  if (!hasIp(memory, 6) || memory.transport === null) return null;
  const total = IPV6_HEADER + memory.view.getUint16(memory.network + 4);
  const before = memory.transport - memory.network;
  return before >= IPV6_HEADER && before <= total && total <= memory.networkLength
    ? total - before
    : null;
}

/** A replacement as the C functions take it. */
export interface Replacement {
  /** Offset of what is replaced, from `dataoff`. */
  readonly matchOffset: number;
  readonly matchLength: number;
  /** What comes instead: the first `length` of these bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/** By how much a replacement changes the packet, or null when the library cannot make it. */
export function packetGrowth(
  memory: PacketMemory,
  dataOffset: number,
  { matchOffset, matchLength, length }: Replacement,
): number | null {
  return memory.growth(memory.network + dataOffset + matchOffset, { matchLength, length });
}

/**
 * The same for a packet whose network header must still be whole afterwards: C goes by the `ihl`
 * that it then finds, and by a length that must fit its field.
 */
export function ipGrowth(
  memory: PacketMemory,
  dataOffset: number,
  replacement: Replacement & { readonly version: 4 | 6 },
): number | null {
  if (!hasIp(memory, replacement.version)) return null;
  const growth = packetGrowth(memory, dataOffset, replacement);
  if (growth === null) return null;
  const length = memory.networkLength + growth;
  if (replacement.version === 6) {
    return length >= IPV6_HEADER && length - IPV6_HEADER <= LONGEST ? growth : null;
  }
  if (length < IPV4_HEADER || length > LONGEST) return null;
  // Before 1.0.4 the library did not count what was pulled off, and checksums went by that.
  if (memory.headroom > 0 && !trimMovesEnd()) return null;
  const header = (firstByteAfter(memory, dataOffset + replacement.matchOffset, replacement) & 15) *
    4;
  return header <= length ? growth : null;
}

/** What the first byte of the network header becomes when the bytes `at` bytes behind it change. */
function firstByteAfter(memory: PacketMemory, at: number, replacement: Replacement): number {
  const { matchLength, bytes, length } = replacement;
  if (at > 0) return memory.view.getUint8(memory.network);
  return length > 0 ? bytes[0]! : memory.view.getUint8(memory.network + matchLength);
}

/**
 * Where the header of protocol `target` begins (RFC 8200 §4), or null when it is not in the packet:
 * another one comes first, a header is cut, or this is not the first fragment.
 */
export function findIpv6Header(memory: PacketMemory, target: number): number | null {
  const { view, end } = memory;
  let next = view.getUint8(memory.network + NEXT_HEADER);
  let at = memory.network + IPV6_HEADER;
  while (next !== target) {
    if (!EXTENSIONS.has(next) || end - at < 8) return null;
    if (next === IPPROTO_FRAGMENT && view.getUint16(at + 2) >> 3 !== 0) return null;
    const length = extensionLength(next, view.getUint8(at + 1));
    if (length > end - at) return null;
    next = view.getUint8(at);
    at += length;
  }
  return at;
}

function extensionLength(type: number, field: number): number {
  if (type === IPPROTO_FRAGMENT) return 8;
  return type === IPPROTO_AH ? (field + 2) * 4 : (field + 1) * 8;
}

/**
 * `nfq_ip6_set_transport_header`, without its walk through the extension headers: in 1.0.5 that takes
 * their length field for a number of bytes, which ends at a wrong header or never. So the walk is
 * made here, and C is shown a "next header" right before the place that was found.
 *
 * @returns whether there is such a header
 */
export function setIpv6TransportHeader(memory: PacketMemory, target: number): boolean {
  const { library, pointer, view, network } = memory;
  if (!hasIp(memory, 6)) return false;
  const found = findIpv6Header(memory, target);
  // Nothing found: a packet with no next header has no transport header.
  const shown = (found ?? network + IPV6_HEADER) - IPV6_HEADER;
  const at = shown + NEXT_HEADER;
  const hidden = view.getUint8(at);
  view.setUint8(at, found === null ? IPPROTO_NONE : target);
  library.nfq_ip6_set_transport_header(pointer, memory.pointerAt(shown), target);
  view.setUint8(at, hidden);
  memory.transport = found;
  return found !== null;
}
