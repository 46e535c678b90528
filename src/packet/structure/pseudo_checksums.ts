// Where the checksums stand that cover the pseudo-header, and so change with an address: also those of
// protocols without a view. SCTP, IGMP, OSPFv2, GRE and others cover no address.
import { findExtension, IPV6_EXTENSION, isExtensionHeader } from "../ip/ipv6_extensions.ts";
import type { Outline } from "./outline.ts";

const VRRP = 112;
const NEXT_HEADER = 6;

/** A table by protocol number: one look-up, since it is in the way of each new address. */
function table(places: Readonly<Record<number, number>>): Int8Array {
  const offsets = new Int8Array(256).fill(-1);
  for (const [protocol, offset] of Object.entries(places)) offsets[Number(protocol)] = offset;
  return offsets;
}

const BOTH_VERSIONS: Readonly<Record<number, number>> = {
  6: 16, // TCP, RFC 9293 §3.1
  17: 6, // UDP, RFC 768
  33: 6, // DCCP, RFC 4340 §9.1: CsCov bounds the data alone
  [VRRP]: 6, // version 3, RFC 9568 §5.2.8
  136: 6, // UDP-Lite, RFC 3828 §3.1: so does its coverage
  [IPV6_EXTENSION.HOST_IDENTITY]: 4, // RFC 7401 §5.1.1
};
const OVER_IPV4 = table(BOTH_VERSIONS);
const OVER_IPV6 = table({
  ...BOTH_VERSIONS,
  58: 2, // ICMPv6, RFC 4443 §2.3
  89: 12, // OSPFv3, RFC 5340 §A.3.1
  103: 2, // PIM, RFC 7761 §4.9
  [IPV6_EXTENSION.MOBILITY]: 4, // RFC 6275 §6.1.1
});

/** Extension headers with a checksum of their own, which is at the same place in both. */
const CHECKED_EXTENSIONS = [IPV6_EXTENSION.MOBILITY, IPV6_EXTENSION.HOST_IDENTITY] as const;

/** Where the upper layer's stands, from the start of the frame; −1 when it has none, or not here. */
export function upperChecksum(outline: Outline): number {
  const { version, protocol, upper, end } = outline;
  // What a later fragment begins with is no header.
  if (outline.laterFragment) return -1;
  const offset = (version === 4 ? OVER_IPV4 : OVER_IPV6)[protocol]!;
  if (offset < 0 || upper + offset + 2 > end) return -1;
  return protocol === VRRP && !vrrpCovers(outline) ? -1 : upper + offset;
}

/** Where that of an extension header of this packet stands; −1 when none has one. */
export function extensionChecksum(outline: Outline): number {
  const { frame, network, version } = outline;
  if (version !== 6 || !isExtensionHeader(frame.u8(network + NEXT_HEADER))) return -1;
  for (const kind of CHECKED_EXTENSIONS) {
    const at = findExtension(outline, kind);
    if (at >= 0) return at + OVER_IPV6[kind]!;
  }
  return -1;
}

/**
 * Whether this message's does: version 3's over IPv6. Over IPv4 RFC 5798 was read both ways, and the
 * message tells which: one that is right by itself does without.
 */
function vrrpCovers(outline: Outline): boolean {
  const { frame, version, upper, end } = outline;
  if (frame.u8(upper) >> 4 !== 3) return false;
  return version === 6 || (outline.whole && frame.sum(upper, end) !== 0xffff);
}
