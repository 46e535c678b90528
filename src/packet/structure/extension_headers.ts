// IPv6 extension headers (RFC 8200 §4): which protocol numbers they are, and how long they are.
import type { PacketBytes } from "./packet_bytes.ts";

/** Protocol numbers of extension headers. */
export const IPV6_EXTENSION = {
  HOP_BY_HOP: 0,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  DESTINATION_OPTIONS: 60,
  MOBILITY: 135,
  HOST_IDENTITY: 139,
  SHIM6: 140,
} as const;

/** Every extension header has so many bytes at least, and so many hold its next header and length. */
export const LEAST_EXTENSION_SIZE = 8;

/** How an extension header tells its length: the unit of its second byte, and units not counted. */
export interface ExtensionLength {
  /** Bytes; 0 where the length is always the same. */
  readonly unit: number;
  readonly extra: number;
}
const EIGHTS: ExtensionLength = { unit: 8, extra: 1 };

const LENGTHS: Readonly<Record<number, ExtensionLength>> = {
  [IPV6_EXTENSION.HOP_BY_HOP]: EIGHTS,
  [IPV6_EXTENSION.ROUTING]: EIGHTS,
  [IPV6_EXTENSION.DESTINATION_OPTIONS]: EIGHTS,
  [IPV6_EXTENSION.MOBILITY]: EIGHTS, // RFC 6275
  [IPV6_EXTENSION.HOST_IDENTITY]: EIGHTS, // RFC 7401
  [IPV6_EXTENSION.SHIM6]: EIGHTS, // RFC 5533
  [IPV6_EXTENSION.FRAGMENT]: { unit: 0, extra: 8 }, // its second byte is reserved
  [IPV6_EXTENSION.AUTHENTICATION]: { unit: 4, extra: 2 }, // RFC 4302
};

/**
 * Extension headers that say what comes after them. ESP (50) hides the rest, and 59 says that
 * nothing follows: both end the walk as any upper-layer protocol does.
 */
const EXTENSIONS: ReadonlyArray<ExtensionLength | undefined> = Array.from(
  { length: 256 },
  (_, protocol) => LENGTHS[protocol],
);

/** How this protocol number's header tells its length; undefined when it is no extension header. */
export function extensionLength(protocol: number): ExtensionLength | undefined {
  return EXTENSIONS[protocol];
}

/** Whether this protocol number is an extension header that can be walked over. */
export function isExtensionHeader(protocol: number): boolean {
  return EXTENSIONS[protocol] !== undefined;
}

/** Bytes of the extension header `protocol` at `offset`, at least 8. Its first two must be there. */
export function extensionHeaderLength(
  packet: PacketBytes,
  protocol: number,
  offset: number,
): number {
  const extension = EXTENSIONS[protocol] ?? EIGHTS;
  if (extension.unit === 0) return extension.extra;
  return (packet.u8(offset + 1) + extension.extra) * extension.unit;
}

/** Where the first option of this type and length begins between two places; −1 when there is none. */
export function findIpv6Option(
  packet: PacketBytes,
  { from, to, type, length }: { from: number; to: number; type: number; length: number },
): number {
  for (let at = from; at + 1 < to;) {
    const found = packet.u8(at);
    const size = packet.u8(at + 1);
    if (found === type && size === length && at + 2 + size <= to) return at;
    // Pad1 is one byte alone.
    at += found === 0 ? 1 : 2 + size;
  }
  return -1;
}
