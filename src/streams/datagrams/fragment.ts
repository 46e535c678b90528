/**
 * One fragment of an IP packet: RFC 791 §3.2, RFC 8200 §4.5.
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

/** Most bytes that lengths of IPv4 packets, and of IPv6 payloads, can say. */
export const LONGEST = 65_535;
/** Bytes of a Fragment header. */
export const FRAGMENT_HEADER_SIZE = 8;
/** Data of all fragments but the last is a multiple of this. */
export const UNIT = 8;

/** A fragment whose lengths make sense. */
export interface Fragment {
  readonly version: 4 | 6;
  /** Tells its datagram from others: addresses, identification, and the protocol of IPv4. */
  readonly key: string;
  readonly identification: number;
  /** Where its data belongs in that of the datagram, in bytes. */
  readonly start: number;
  readonly end: number;
  /** Whether others follow. */
  readonly more: boolean;
  /** Bytes of the headers that each fragment has. */
  readonly headerLength: number;
  /** What its data begins with, in the first one: a protocol's number. */
  readonly protocol: number;
  /** Where in the headers that number is written. */
  readonly protocolAt: number;
  /** The packet, from its IP header to its end; what may follow is left out. */
  readonly bytes: Uint8Array;
  /** Where in `bytes` the data begins. */
  readonly dataAt: number;
}

/**
 * Reads a packet.
 *
 * @param bytes from the IP header on
 * @returns `"whole"` for a packet that is no fragment, or is one by itself (RFC 6946), and for what is no
 * IP; `"malformed"` for a fragment that nobody can put together
 */
export function readFragment(bytes: Uint8Array): Fragment | "whole" | "malformed" {
  const version = bytes.length === 0 ? 0 : bytes[0]! >> 4;
  if (version === 4) return readIpv4(bytes);
  return version === 6 ? readIpv6(bytes) : "whole";
}

function readIpv4(bytes: Uint8Array): Fragment | "whole" | "malformed" {
  if (bytes.length < IPV4_HEADER_SIZE) return "whole";
  const view = viewOf(bytes);
  const word = view.getUint16(IPV4_OFFSET.fragment);
  const more = (word & IPV4_FRAGMENT.MORE_FRAGMENTS) !== 0;
  const start = (word & IPV4_FRAGMENT.OFFSET) * UNIT;
  if (!more && start === 0) return "whole";
  const headerLength = (bytes[0]! & 15) * 4;
  const length = view.getUint16(IPV4_OFFSET.totalLength);
  if (headerLength < IPV4_HEADER_SIZE || length < headerLength || length > bytes.length) {
    return "malformed";
  }
  const identification = view.getUint16(IPV4_OFFSET.identification);
  const protocol = bytes[IPV4_OFFSET.protocol]!;
  const addresses = textOf(bytes, IPV4_OFFSET.source, IPV4_HEADER_SIZE);
  return checked({
    ...{ version: 4, key: `${addresses}${String.fromCharCode(identification, protocol)}` },
    ...{ identification, start, end: start + length - headerLength, more, headerLength, protocol },
    ...{ protocolAt: IPV4_OFFSET.protocol, bytes: bytes.subarray(0, length), dataAt: headerLength },
  });
}

function readIpv6(bytes: Uint8Array): Fragment | "whole" | "malformed" {
  if (bytes.length < IPV6_HEADER_SIZE) return "whole";
  const view = viewOf(bytes);
  const length = IPV6_HEADER_SIZE + view.getUint16(IPV6_OFFSET.payloadLength);
  let protocolAt: number = IPV6_OFFSET.nextHeader;
  let at = IPV6_HEADER_SIZE;
  for (;;) {
    const protocol = bytes[protocolAt]!;
    if (protocol === IPV6_EXTENSION.FRAGMENT) break;
    if (!isExtensionHeader(protocol) || at + UNIT > bytes.length) return "whole";
    const unit = protocol === IPV6_EXTENSION.AUTHENTICATION ? 4 : UNIT;
    const extra = protocol === IPV6_EXTENSION.AUTHENTICATION ? 2 : 1;
    protocolAt = at;
    at += (bytes[at + 1]! + extra) * unit;
  }
  if (at + FRAGMENT_HEADER_SIZE > bytes.length) return "malformed";
  const word = view.getUint16(at + 2);
  const more = (word & 1) !== 0;
  const start = word & 0xfff8;
  if (!more && start === 0) return "whole";
  const dataAt = at + FRAGMENT_HEADER_SIZE;
  if (length > bytes.length || length < dataAt) return "malformed";
  const identification = view.getUint32(at + 4);
  const addresses = textOf(bytes, IPV6_OFFSET.source, IPV6_HEADER_SIZE);
  return checked({
    ...{ version: 6, identification, start, end: start + length - dataAt, more },
    key: `${addresses}${String.fromCharCode(identification >>> 16, identification)}`,
    ...{ headerLength: at, protocol: bytes[at]!, protocolAt },
    ...{ bytes: bytes.subarray(0, length), dataAt },
  });
}

/** What no receiver takes: no data, data that ends within a unit, or more than any packet can hold. */
function checked(fragment: Fragment): Fragment | "malformed" {
  const { start, end, more, version, headerLength } = fragment;
  if (end === start || (more && (end - start) % UNIT !== 0)) return "malformed";
  const headers = version === 4 ? headerLength : headerLength - IPV6_HEADER_SIZE;
  return headers + end > LONGEST ? "malformed" : fragment;
}

/** Bytes as part of a key: a UTF-16 unit for each two. */
function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at += 2) {
    text += String.fromCharCode(bytes[at]! << 8 | bytes[at + 1]!);
  }
  return text;
}
