/**
 * Whole packets into fragments: RFC 791 §3.2, RFC 8200 §4.5.
 *
 * @module
 */

import { viewOf } from "../../base/bytes.ts";
import { IPV6_EXTENSION, isExtensionHeader } from "../../packet/structure/extension_headers.ts";
import {
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "../../packet/structure/ip_layouts.ts";
import { internetChecksum } from "../../packet/structure/checksum.ts";
import { FRAGMENT_HEADER_SIZE, UNIT } from "./fragment.ts";

/** How a packet is split. */
export interface SplitOptions {
  /** Bytes of a fragment at most, headers included; where the headers alone are longer, 8 bytes of data. */
  readonly largest: number;
  /** Of IPv6; an IPv4 packet has its own. */
  readonly identification: number;
  /** At most so many fragments: the last one is then larger. */
  readonly most: number;
}

/** Whether the kernel itself may split a packet, or a fragment, further. */
export function maySplit(whole: Uint8Array): boolean {
  return whole[0]! >> 4 === 4 &&
    (viewOf(whole).getUint16(IPV4_OFFSET.fragment) & IPV4_FRAGMENT.DONT_FRAGMENT) === 0;
}

/**
 * Splits a packet.
 *
 * @param whole an IPv4 or IPv6 packet whose lengths are right, and that is no fragment
 * @returns one that needs not be split alone
 */
export function split(whole: Uint8Array, options: SplitOptions): readonly Uint8Array[] {
  if (whole.length <= options.largest) return [whole];
  return whole[0]! >> 4 === 4 ? splitIpv4(whole, options) : splitIpv6(whole, options);
}

function splitIpv4(whole: Uint8Array, { largest, most }: SplitOptions): readonly Uint8Array[] {
  const headerLength = (whole[0]! & 15) * 4;
  const flags = viewOf(whole).getUint16(IPV4_OFFSET.fragment) & ~IPV4_FRAGMENT.OFFSET;
  const first = whole.subarray(0, headerLength);
  const later = laterHeader(first);
  const pieces: Uint8Array[] = [];
  for (let at = headerLength; at < whole.length;) {
    const header = pieces.length === 0 ? first : later;
    const last = pieces.length + 1 >= most;
    const end = last ? whole.length : Math.min(whole.length, at + room(largest, header.length));
    const piece = new Uint8Array(new ArrayBuffer(header.length + end - at));
    piece.set(header);
    piece.set(whole.subarray(at, end), header.length);
    const view = viewOf(piece);
    const more = end < whole.length ? IPV4_FRAGMENT.MORE_FRAGMENTS : 0;
    view.setUint16(IPV4_OFFSET.totalLength, piece.length);
    view.setUint16(IPV4_OFFSET.fragment, flags | more | (at - headerLength) / UNIT);
    view.setUint16(IPV4_OFFSET.checksum, 0);
    view.setUint16(IPV4_OFFSET.checksum, internetChecksum(piece, 0, header.length));
    pieces.push(piece);
    at = end;
  }
  return pieces;
}

/** The header of fragments behind the first: only the options that say so are in each (RFC 791 §3.1). */
function laterHeader(first: Uint8Array): Uint8Array {
  const options: number[] = [];
  for (let at = IPV4_HEADER_SIZE; at < first.length;) {
    const type = first[at]!;
    const length = type <= 1 ? 1 : first[at + 1] ?? 0;
    // The end of the list, or an option that nobody can read.
    if (type === 0 || length === 0 || (type > 1 && length < 2)) break;
    if ((type & 0x80) !== 0) options.push(...first.subarray(at, at + length));
    at += length;
  }
  while (options.length % 4 !== 0) options.push(0);
  const header = new Uint8Array(IPV4_HEADER_SIZE + options.length);
  header.set(first.subarray(0, IPV4_HEADER_SIZE));
  header.set(options, IPV4_HEADER_SIZE);
  header[0] = 0x40 | header.length / 4;
  return header;
}

function splitIpv6(
  whole: Uint8Array,
  { largest, identification, most }: SplitOptions,
): readonly Uint8Array[] {
  const { headerLength, protocolAt } = perFragment(whole);
  const header = whole.slice(0, headerLength);
  const protocol = header[protocolAt]!;
  header[protocolAt] = IPV6_EXTENSION.FRAGMENT;
  const dataAt = headerLength + FRAGMENT_HEADER_SIZE;
  const pieces: Uint8Array[] = [];
  for (let at = headerLength; at < whole.length;) {
    const last = pieces.length + 1 >= most;
    const end = last ? whole.length : Math.min(whole.length, at + room(largest, dataAt));
    const piece = new Uint8Array(new ArrayBuffer(dataAt + end - at));
    piece.set(header);
    piece.set(whole.subarray(at, end), dataAt);
    const view = viewOf(piece);
    view.setUint16(IPV6_OFFSET.payloadLength, piece.length - IPV6_HEADER_SIZE);
    piece[headerLength] = protocol;
    view.setUint16(headerLength + 2, (at - headerLength) | (end < whole.length ? 1 : 0));
    view.setUint32(headerLength + 4, identification);
    pieces.push(piece);
    at = end;
  }
  return pieces;
}

/** The headers that routers look at, and so are in each fragment: up to the Routing header, if there is one. */
function perFragment(whole: Uint8Array): { headerLength: number; protocolAt: number } {
  const found = { headerLength: IPV6_HEADER_SIZE, protocolAt: IPV6_OFFSET.nextHeader as number };
  let [at, protocolAt] = [IPV6_HEADER_SIZE, IPV6_OFFSET.nextHeader as number];
  while (at + UNIT <= whole.length) {
    const protocol = whole[protocolAt]!;
    const routed = protocol === IPV6_EXTENSION.HOP_BY_HOP || protocol === IPV6_EXTENSION.ROUTING;
    if (!isExtensionHeader(protocol)) break;
    if (!routed && protocol !== IPV6_EXTENSION.DESTINATION_OPTIONS) break;
    protocolAt = at;
    at += (whole[at + 1]! + 1) * UNIT;
    if (at > whole.length) break;
    if (routed) Object.assign(found, { headerLength: at, protocolAt });
  }
  return found;
}

/** Bytes of data in a fragment. */
function room(largest: number, headers: number): number {
  return Math.max(UNIT, Math.floor((largest - headers) / UNIT) * UNIT);
}
