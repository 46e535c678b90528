// IPv6 extension headers (RFC 8200 §4): walking over them, and their list as values.
import type { Frame } from "../structure/packet_bytes.ts";
import type { Outline } from "../structure/outline.ts";
import { checkBytes, checkInteger, checkList, show } from "../../base/checks.ts";

/** Bytes of an IPv6 header without extension headers. */
export const IPV6_HEADER_SIZE = 40;

const HOP_BY_HOP = 0;
const ROUTING = 43;
/** Protocol number of the Fragment header. */
export const IPV6_FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

const NEXT_HEADER = 6;

/** Protocol numbers of extension headers. */
export const IPV6_EXTENSION = {
  HOP_BY_HOP,
  ROUTING,
  FRAGMENT: IPV6_FRAGMENT,
  AUTHENTICATION,
  DESTINATION_OPTIONS,
  MOBILITY: 135,
  HOST_IDENTITY: 139,
  SHIM6: 140,
} as const;

/** How an extension header tells its length: the unit of its second byte, and units not counted. */
interface Extension {
  readonly unit: number;
  readonly extra: number;
}
const EIGHTS: Extension = { unit: 8, extra: 1 };

/**
 * Extension headers that say what comes after them. ESP (50) hides the rest, and 59 says that
 * nothing follows: both end the walk as any upper-layer protocol does.
 */
const EXTENSIONS: ReadonlyArray<Extension | undefined> = Array.from(
  { length: 256 },
  (_, number) => {
    switch (number) {
      case HOP_BY_HOP:
      case ROUTING:
      case DESTINATION_OPTIONS:
      case IPV6_EXTENSION.MOBILITY: // RFC 6275
      case IPV6_EXTENSION.HOST_IDENTITY: // RFC 7401
      case IPV6_EXTENSION.SHIM6: // RFC 5533
        return EIGHTS;
      case IPV6_FRAGMENT: // its second byte is reserved
        return { unit: 0, extra: 8 };
      case AUTHENTICATION: // RFC 4302
        return { unit: 4, extra: 2 };
      default:
        return undefined;
    }
  },
);

/** Whether this protocol number is an extension header that can be walked over. */
export function isExtensionHeader(protocol: number): boolean {
  return EXTENSIONS[protocol] !== undefined;
}

/** Bytes of the extension header `protocol` at `offset`, at least 8. Its first two must be there. */
export function extensionHeaderLength(frame: Frame, protocol: number, offset: number): number {
  const extension = EXTENSIONS[protocol] ?? EIGHTS;
  if (extension.unit === 0) return extension.extra;
  return (frame.u8(offset + 1) + extension.extra) * extension.unit;
}

/** Where the first option of this type and length begins between two places; −1 when there is none. */
export function findIpv6Option(
  frame: Frame,
  { from, to, type, length }: { from: number; to: number; type: number; length: number },
): number {
  for (let at = from; at + 1 < to;) {
    const found = frame.u8(at);
    const size = frame.u8(at + 1);
    if (found === type && size === length && at + 2 + size <= to) return at;
    // Pad1 is one byte alone.
    at += found === 0 ? 1 : 2 + size;
  }
  return -1;
}

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
export function listExtensions({ frame, network, upper }: Outline): Ipv6ExtensionHeader[] {
  const headers: Ipv6ExtensionHeader[] = [];
  let protocol = frame.u8(network + NEXT_HEADER);
  for (let at = network + IPV6_HEADER_SIZE; at < upper;) {
    const length = extensionHeaderLength(frame, protocol, at);
    headers.push({ protocol, offset: at - network, length });
    protocol = frame.u8(at);
    at += length;
  }
  return headers;
}

/** Where the first extension header of this kind begins; −1 when there is none. */
export function findExtension({ frame, network, upper }: Outline, kind: number): number {
  let protocol = frame.u8(network + NEXT_HEADER);
  for (let at = network + IPV6_HEADER_SIZE; at < upper;) {
    if (protocol === kind) return at;
    const length = extensionHeaderLength(frame, protocol, at);
    protocol = frame.u8(at);
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
    if (behindFragment < 0 && list[index]!.protocol === IPV6_FRAGMENT) {
      behindFragment = bytes.length - at;
    }
  }
  return { bytes, nextHeader: list[0]?.protocol ?? protocol, behindFragment };
}

function encodeExtension({ protocol, data: given }: Ipv6Extension, next: number): Uint8Array {
  checkInteger("the protocol of an extension header", protocol, 0, 255);
  const extension = EXTENSIONS[protocol];
  if (extension === undefined) {
    throw new RangeError(`${protocol} is no extension header: IPV6_EXTENSION names them`);
  }
  const { unit, extra } = extension;
  const most = (255 + extra) * (unit || 8) - 2;
  const data = checkBytes(`the data of extension header ${protocol}`, given, most);
  const size = 2 + data.length;
  const whole = Math.max(8, Math.ceil(size / 8) * 8);
  const padded = protocol === HOP_BY_HOP || protocol === DESTINATION_OPTIONS;
  const exact = protocol === AUTHENTICATION ? size % 4 === 0 && size >= 8 : size === whole;
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
