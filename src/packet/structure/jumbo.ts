// Jumbograms (RFC 2675): IPv6 packets of more than 65,535 bytes behind the header, whose length is in a
// hop-by-hop option, and the header's is 0.
import type { PacketBytes } from "./packet_bytes.ts";
import {
  extensionHeaderLength,
  findIpv6Option,
  IPV6_EXTENSION,
  LEAST_EXTENSION_SIZE,
} from "./extension_headers.ts";
import { IPV6_HEADER_SIZE, IPV6_OFFSET } from "./ip_layouts.ts";

const { HOP_BY_HOP } = IPV6_EXTENSION;
const JUMBO_PAYLOAD = 0xc2;
const VALUE_SIZE = 4;
/** Type and length of a padding option in its place (RFC 8200 §4.2). */
const PADDING = (1 << 8) | VALUE_SIZE;

/** Most that the header's own length can say; less is no jumbogram. */
export const MAX_PAYLOAD_LENGTH = 0xffff;

/** Where the option begins in the hop-by-hop header at `at`; −1 when it is not there. */
export function findJumboOption(packet: PacketBytes, at: number): number {
  if (packet.length - at < LEAST_EXTENSION_SIZE) return -1;
  const to = Math.min(packet.length, at + extensionHeaderLength(packet, HOP_BY_HOP, at));
  return findIpv6Option(packet, { from: at + 2, to, type: JUMBO_PAYLOAD, length: VALUE_SIZE });
}

/** Where the option of the jumbogram at `network` begins; −1 when that is none. */
export function findJumbo(packet: PacketBytes, networkOffset: number): number {
  if (packet.u16(networkOffset + IPV6_OFFSET.payloadLength) !== 0) return -1;
  if (packet.u8(networkOffset + IPV6_OFFSET.nextHeader) !== HOP_BY_HOP) return -1;
  return findJumboOption(packet, networkOffset + IPV6_HEADER_SIZE);
}

/** Bytes behind the IPv6 header as that option says; 0 when it does not say it. */
export function jumboLength(packet: PacketBytes, networkOffset: number): number {
  const at = findJumbo(packet, networkOffset);
  const length = at < 0 ? 0 : packet.u32(at + 2);
  return length > MAX_PAYLOAD_LENGTH ? length : 0;
}

/**
 * Writes how many bytes are behind the IPv6 header. A jumbogram that becomes a packet like others has
 * padding in the option's place, so that nothing moves.
 */
export function writePayloadLength(
  packet: PacketBytes,
  networkOffset: number,
  length: number,
): void {
  const at = findJumbo(packet, networkOffset);
  if (at >= 0) {
    const stays = length > MAX_PAYLOAD_LENGTH;
    if (!stays) packet.setU16(at, PADDING);
    packet.setU32(at + 2, stays ? length : 0);
    if (stays) return;
  }
  packet.setU16(networkOffset + IPV6_OFFSET.payloadLength, length);
}
