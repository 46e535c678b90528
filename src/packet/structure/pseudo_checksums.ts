// Where the checksums stand that cover the pseudo-header, and so change with an address: also those of
// protocols without a view. SCTP, IGMP, OSPFv2, GRE and others cover no address.
import { IPV6_EXTENSION, isExtensionHeader } from "./extension_headers.ts";
import { IPV6_OFFSET } from "./ip_layouts.ts";
import { findExtension } from "./ipv6_extensions.ts";
import type { Outline } from "./outline.ts";
import { IP_PROTOCOL, OTHER_PROTOCOL } from "./protocols.ts";
import { ICMPV6, TCP, UDP } from "./upper_layouts.ts";

/** A table by protocol number: one look-up, since it is in the way of each new address. */
function table(places: Readonly<Record<number, number>>): Int8Array {
  const offsets = new Int8Array(256).fill(-1);
  for (const [protocol, offset] of Object.entries(places)) offsets[Number(protocol)] = offset;
  return offsets;
}

const BOTH_VERSIONS: Readonly<Record<number, number>> = {
  [IP_PROTOCOL.TCP]: TCP.checksum,
  [IP_PROTOCOL.UDP]: UDP.checksum,
  [OTHER_PROTOCOL.DCCP]: 6, // RFC 4340 §9.1: CsCov bounds the data alone
  [OTHER_PROTOCOL.VRRP]: 6, // version 3, RFC 9568 §5.2.8
  [OTHER_PROTOCOL.UDP_LITE]: 6, // RFC 3828 §3.1: its coverage bounds the data alone, too
  [IPV6_EXTENSION.HOST_IDENTITY]: 4, // RFC 7401 §5.1.1
};
const OVER_IPV4 = table(BOTH_VERSIONS);
const OVER_IPV6 = table({
  ...BOTH_VERSIONS,
  [IP_PROTOCOL.ICMPV6]: ICMPV6.checksum,
  [OTHER_PROTOCOL.OSPF]: 12, // version 3, RFC 5340 §A.3.1
  [OTHER_PROTOCOL.PIM]: 2, // RFC 7761 §4.9
  [IPV6_EXTENSION.MOBILITY]: 4, // RFC 6275 §6.1.1
});

/** Extension headers with a checksum of their own, which is at the same place in both. */
const CHECKED_EXTENSIONS = [IPV6_EXTENSION.MOBILITY, IPV6_EXTENSION.HOST_IDENTITY] as const;

/** Where the upper layer's stands, from the first byte; −1 when it has none, or not here. */
export function upperChecksum(outline: Outline): number {
  const { version, protocol, upperOffset, end } = outline;
  // What a later fragment begins with is no header.
  if (outline.laterFragment) return -1;
  const offset = (version === 4 ? OVER_IPV4 : OVER_IPV6)[protocol]!;
  if (offset < 0 || upperOffset + offset + 2 > end) return -1;
  return protocol === OTHER_PROTOCOL.VRRP && !vrrpCovers(outline) ? -1 : upperOffset + offset;
}

/** Where that of an extension header of this packet stands; −1 when none has one. */
export function extensionChecksum(outline: Outline): number {
  const { packet, networkOffset, version } = outline;
  if (version !== 6 || !isExtensionHeader(packet.u8(networkOffset + IPV6_OFFSET.nextHeader))) {
    return -1;
  }
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
  const { packet, version, upperOffset, end } = outline;
  if (packet.u8(upperOffset) >> 4 !== 3) return false;
  return version === 6 || (outline.whole && packet.sum(upperOffset, end) !== 0xffff);
}
