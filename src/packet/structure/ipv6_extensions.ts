// The extension headers of an IPv6 packet (RFC 8200 §4) as a list: where they are, and as bytes.
import { checkBytes, checkInteger, checkList, show } from "../../base/checks.ts";
import {
  extensionHeaderLength,
  extensionLength,
  IPV6_EXTENSION,
  LEAST_EXTENSION_SIZE,
} from "./extension_headers.ts";
import { IPV6_HEADER_SIZE, IPV6_OFFSET } from "./ip_layouts.ts";
import type { Outline } from "./outline.ts";

/** One extension header, and where it stands. */
export interface Ipv6ExtensionHeader {
  /** Its protocol number: 0 hop-by-hop, 43 routing, 44 fragment, 51 AH, 60 destination, … */
  readonly protocol: number;
  /** Where it begins, in bytes from the start of the IPv6 header. */
  readonly offset: number;
  /** Its bytes. */
  readonly length: number;
}

/** One extension header as a value, to be put into a packet. */
export interface Ipv6Extension {
  /** Its protocol number: `IPV6_EXTENSION` names them. */
  readonly protocol: number;
  /** What follows its next header and length bytes; the Fragment header has its 6 bytes there. */
  readonly data: Uint8Array;
}

/** Every whole extension header, in order. */
export function listExtensions(
  { packet, networkOffset, upperOffset }: Outline,
): Ipv6ExtensionHeader[] {
  const headers: Ipv6ExtensionHeader[] = [];
  let protocol = packet.u8(networkOffset + IPV6_OFFSET.nextHeader);
  for (let at = networkOffset + IPV6_HEADER_SIZE; at < upperOffset;) {
    const length = extensionHeaderLength(packet, protocol, at);
    headers.push({ protocol, offset: at - networkOffset, length });
    protocol = packet.u8(at);
    at += length;
  }
  return headers;
}

/** Where the first extension header of this kind begins; −1 when there is none. */
export function findExtension(
  { packet, networkOffset, upperOffset }: Outline,
  kind: number,
): number {
  let protocol = packet.u8(networkOffset + IPV6_OFFSET.nextHeader);
  for (let at = networkOffset + IPV6_HEADER_SIZE; at < upperOffset;) {
    if (protocol === kind) return at;
    const length = extensionHeaderLength(packet, protocol, at);
    protocol = packet.u8(at);
    at += length;
  }
  return -1;
}

/** So many find room in a packet: each has 8 bytes at least. */
const MAX_EXTENSIONS = 8191;

/** What a list of extension headers is as bytes, and the number by which the IPv6 header names it. */
export interface EncodedExtensions {
  readonly bytes: Uint8Array;
  readonly nextHeader: number;
  /** How many of the bytes are behind the first Fragment header; −1 when there is none. */
  readonly behindFragment: number;
}

/**
 * The bytes of a chain of extension headers that ends at `protocol`. Hop-by-hop and destination
 * options are filled up with padding options, others must have a whole length of their own.
 *
 * @throws {TypeError | RangeError} when a header cannot be written.
 */
export function encodeExtensions(
  headers: readonly Ipv6Extension[],
  protocol: number,
): EncodedExtensions {
  const list = checkList("extensions", headers, MAX_EXTENSIONS).map((header) => {
    if (typeof header !== "object" || header === null) {
      throw new TypeError(`each of extensions must be an object, got ${show(header)}`);
    }
    return { protocol: header.protocol, data: header.data };
  });
  const parts = list.map((header, index) =>
    encodeExtension(header, list[index + 1]?.protocol ?? protocol)
  );
  const bytes = new Uint8Array(new ArrayBuffer(parts.reduce((sum, { length }) => sum + length, 0)));
  let at = 0;
  let behindFragment = -1;
  for (const [index, part] of parts.entries()) {
    bytes.set(part, at);
    at += part.length;
    if (behindFragment < 0 && list[index]!.protocol === IPV6_EXTENSION.FRAGMENT) {
      behindFragment = bytes.length - at;
    }
  }
  return { bytes, nextHeader: list[0]?.protocol ?? protocol, behindFragment };
}

function encodeExtension({ protocol, data: given }: Ipv6Extension, next: number): Uint8Array {
  checkInteger("the protocol of an extension header", protocol, 0, 255);
  const extension = extensionLength(protocol);
  if (extension === undefined) {
    throw new RangeError(`${protocol} is no extension header: IPV6_EXTENSION names them`);
  }
  const { unit, extra } = extension;
  const most = (255 + extra) * (unit || 8) - 2;
  const data = checkBytes(`the data of extension header ${protocol}`, given, most);
  const size = 2 + data.length;
  const whole = Math.max(LEAST_EXTENSION_SIZE, Math.ceil(size / 8) * 8);
  const padded = protocol === IPV6_EXTENSION.HOP_BY_HOP ||
    protocol === IPV6_EXTENSION.DESTINATION_OPTIONS;
  const exact = protocol === IPV6_EXTENSION.AUTHENTICATION
    ? size % 4 === 0 && size >= 8
    : size === whole;
  if (unit === 0 ? size !== extra : !padded && !exact) {
    const rule = unit === 0 ? "6 bytes" : `a length that makes whole words of ${unit} bytes`;
    throw new RangeError(
      `the data of extension header ${protocol} must have ${rule}, got ${data.length}`,
    );
  }
  const bytes = new Uint8Array(new ArrayBuffer(padded ? whole : size));
  bytes[0] = next;
  if (unit !== 0) bytes[1] = bytes.length / unit - extra;
  bytes.set(data, 2);
  // Pad1 is one zero byte, PadN says how many follow it (RFC 8200 §4.2).
  const missing = bytes.length - size;
  if (missing > 1) {
    bytes[size] = 1;
    bytes[size + 1] = missing - 2;
  }
  return bytes;
}
