// What IPv6 extension headers say (RFC 8200 §4, RFC 4302), as values: from a header's data and back.
import { checkBoolean, checkBytes, checkInteger, checkList, checkU32 } from "../../base/checks.ts";
import { checkObject } from "../../base/objects.ts";

/** What a Fragment header says (RFC 8200 §4.5). */
export interface Ipv6Fragment {
  /** Where this fragment's data belongs in the whole packet's, in bytes. */
  readonly offset: number;
  /** Further fragments follow this one. */
  readonly moreFragments: boolean;
  /** Tells which packet fragments belong to, 0 to 0xffffffff. */
  readonly identification: number;
}

/** An option of a Hop-by-Hop or Destination Options header (RFC 8200 §4.2). */
export interface Ipv6Option {
  /** 0 to 255; 0 and 1 are padding, which keeps the others where they must be. */
  readonly type: number;
  /** What follows the length byte, 0 to 255 bytes; none in padding of one byte. */
  readonly data: Uint8Array;
}

/** What a Routing header says (RFC 8200 §4.4). */
export interface Ipv6Routing {
  /** 0 source route (RFC 2460), 2 mobility (RFC 6275), 3 RPL (RFC 6554), 4 segments (RFC 8754). */
  readonly type: number;
  /** Nodes still to be visited, 0 to 255. */
  readonly segmentsLeft: number;
  /** What follows these two bytes: 4 bytes and the addresses, for most types. */
  readonly data: Uint8Array;
}

/** What an Authentication header says (RFC 4302). */
export interface Ipv6Authentication {
  /** Tells the receiver which security association it belongs to, 0 to 0xffffffff. */
  readonly securityParametersIndex: number;
  /** Counts the packets of the association, 0 to 0xffffffff. */
  readonly sequenceNumber: number;
  /** Authenticates the packet; the association says how long it is. */
  readonly integrityCheckValue: Uint8Array;
}

/** Most bytes of a header's options, and so most options. */
const MAX_OPTIONS_SIZE = 2046;

function u32At(data: Uint8Array, at: number): number {
  return ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
}

function bytesOf(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(values.length));
  bytes.set(values);
  return bytes;
}

function withU32(...words: readonly number[]): number[] {
  return words.flatMap((word) => [word >>> 24, word >>> 16, word >>> 8, word]);
}

/** Reads the 6 bytes of a Fragment header's data. */
export function decodeFragment(data: Uint8Array): Ipv6Fragment {
  const word = (data[0]! << 8) | data[1]!;
  return {
    offset: word & 0xfff8,
    moreFragments: (word & 1) !== 0,
    identification: u32At(data, 2),
  };
}

/** The reverse. */
export function encodeFragment(value: Ipv6Fragment): Uint8Array {
  checkObject("fragment", value);
  const { offset, moreFragments, identification } = value;
  checkInteger("fragment.offset", offset, 0, 0xfff8);
  if (offset % 8 !== 0) {
    throw new RangeError(`fragment.offset must be a multiple of 8, got ${offset}`);
  }
  const more = checkBoolean("fragment.moreFragments", moreFragments) ? 1 : 0;
  checkU32("fragment.identification", identification);
  return bytesOf(offset >> 8, (offset & 0xff) | more, ...withU32(identification));
}

/** Reads options; a broken one ends the list. */
export function decodeIpv6Options(data: Uint8Array): Ipv6Option[] {
  const options: Ipv6Option[] = [];
  for (let at = 0; at < data.length;) {
    const type = data[at]!;
    // Pad1 is one byte alone.
    const size = type === 0 ? 1 : 2 + (data[at + 1] ?? 0xff);
    if (size > data.length - at) break;
    options.push({ type, data: data.subarray(Math.min(at + 2, at + size), at + size) });
    at += size;
  }
  return options;
}

/** The reverse. */
export function encodeIpv6Options(field: string, options: readonly Ipv6Option[]): Uint8Array {
  const bytes: number[] = [];
  for (const option of checkList(field, options, MAX_OPTIONS_SIZE)) {
    checkObject(`each of ${field}`, option);
    const { type, data } = option;
    checkInteger(`the type of one of ${field}`, type, 0, 0xff);
    const own = checkBytes(`the data of one of ${field}`, data, 0xff);
    if (type === 0) {
      if (own.length > 0) throw new RangeError(`${field}: type 0 is one byte, without data`);
      bytes.push(0);
    } else bytes.push(type, own.length, ...own);
    if (bytes.length > MAX_OPTIONS_SIZE) {
      throw new RangeError(`${field} must be at most ${MAX_OPTIONS_SIZE} bytes`);
    }
  }
  return bytesOf(...bytes);
}

/** Reads a Routing header's data, which has 6 bytes at least. */
export function decodeRouting(data: Uint8Array): Ipv6Routing {
  return { type: data[0]!, segmentsLeft: data[1]!, data: data.subarray(2) };
}

/** The reverse. */
export function encodeRouting(value: Ipv6Routing): Uint8Array {
  checkObject("routing", value);
  const { type, segmentsLeft, data } = value;
  checkInteger("routing.type", type, 0, 255);
  checkInteger("routing.segmentsLeft", segmentsLeft, 0, 255);
  return bytesOf(type, segmentsLeft, ...checkBytes("routing.data", data, 2048));
}

/** Reads an Authentication header's data, which is cut when its length says less than it needs. */
export function decodeAuthentication(data: Uint8Array): Ipv6Authentication | undefined {
  if (data.length < 10) return undefined;
  return {
    securityParametersIndex: u32At(data, 2),
    sequenceNumber: u32At(data, 6),
    integrityCheckValue: data.subarray(10),
  };
}

/** The reverse. */
export function encodeAuthentication(header: Ipv6Authentication): Uint8Array {
  checkObject("authentication", header);
  const { securityParametersIndex, sequenceNumber, integrityCheckValue } = header;
  checkU32("authentication.securityParametersIndex", securityParametersIndex);
  checkU32("authentication.sequenceNumber", sequenceNumber);
  const value = checkBytes("authentication.integrityCheckValue", integrityCheckValue, 1016);
  const words = withU32(securityParametersIndex, sequenceNumber);
  return bytesOf(0, 0, ...words, ...value);
}
