// The checksums of a packet that is being edited: updated with each change (RFC 1624), or
// computed anew where the change is one of structure.
import { checksumFinish, checksumUpdate } from "./checksum.ts";
import type { PacketBytes } from "./packet_bytes.ts";
import type { Outline } from "./outline.ts";
import { IPV4_OFFSET } from "./ip_layouts.ts";
import { IP_PROTOCOL, OTHER_PROTOCOL } from "./protocols.ts";
import { coveredSum } from "./pseudo.ts";
import { extensionChecksum, upperChecksum } from "./pseudo_checksums.ts";
import { checksumOffset, UDP_HEADER_SIZE, UDP_OFFSET } from "./upper_layouts.ts";

/** The bytes from `from` up to `to` as a sum, in 16-bit words that are counted from `base` on. */
export function wordSum(packet: PacketBytes, base: number, from: number, to: number): number {
  const start = from - ((from - base) & 1);
  return packet.sum(start, Math.min(packet.length, to + ((to - base) & 1)));
}

function updateWord(packet: PacketBytes, at: number, before: number, after: number): number {
  const updated = checksumUpdate(packet.u16(at), before, after);
  packet.setU16(at, updated);
  return updated;
}

/** Brings the IPv4 header's checksum along after words that it covers changed from sum to sum. */
export function updateHeader(
  { packet, networkOffset }: Outline,
  before: number,
  after: number,
): void {
  if (before !== after) updateWord(packet, networkOffset + IPV4_OFFSET.checksum, before, after);
}

/** The same for the upper layer's, if that layer is here and has one. */
export function updateUpper(outline: Outline, before: number, after: number): void {
  if (before === after || !outline.readable || outline.version === 0) return;
  if (outline.packet.partialChecksum) return;
  updateAt(outline, outline.upperOffset + checksumOffset(outline.protocol), before, after);
}

function updateAt(outline: Outline, at: number, before: number, after: number): void {
  const { packet, protocol } = outline;
  if (protocol === IP_PROTOCOL.UDP && packet.u16(at) === 0) return;
  if (updateWord(packet, at, before, after) !== 0) return;
  // UDP-Lite has no view, and like UDP it writes a computed 0 as all ones (RFC 3828 §3.1).
  if (protocol === IP_PROTOCOL.UDP || protocol === OTHER_PROTOCOL.UDP_LITE) {
    packet.setU16(at, 0xffff);
  } // Over nothing but zeros the checksum is 0xffff, which the update cannot tell from 0.
  else if (protocol === IP_PROTOCOL.ICMP && outline.whole) {
    if (packet.sum(outline.upperOffset, outline.end) === 0) packet.setU16(at, 0xffff);
  }
}

/**
 * The same after a change of the addresses, for every checksum that covers them: also in headers that
 * are cut behind it, or make no sense.
 */
export function updatePseudo(outline: Outline, before: number, after: number): void {
  if (before === after || outline.packet.partialChecksum) return;
  const upper = upperChecksum(outline);
  if (upper >= 0) updateAt(outline, upper, before, after);
  const extension = extensionChecksum(outline);
  if (extension >= 0) updateWord(outline.packet, extension, before, after);
}

/** Computes the IPv4 header's checksum, if all of the header is here; returns whether it was. */
export function finishHeader({ packet, networkOffset, upperOffset }: Outline): boolean {
  if (upperOffset - networkOffset !== (packet.u8(networkOffset) & 15) * 4) return false;
  const at = networkOffset + IPV4_OFFSET.checksum;
  packet.setU16(at, 0);
  packet.setU16(at, checksumFinish(packet.sum(networkOffset, upperOffset)));
  return true;
}

/** Where what the upper layer's checksum covers ends; −1 when not all of it is here. */
function coveredEnd(outline: Outline): number {
  const { packet, protocol, upperOffset, end } = outline;
  if (!outline.whole || !outline.readable || outline.version === 0) return -1;
  if (protocol !== IP_PROTOCOL.UDP) return end;
  // What is behind the datagram's own end is not covered (RFC 768, RFC 9868).
  const length = packet.u16(upperOffset + UDP_OFFSET.length) || end - upperOffset;
  return length < UDP_HEADER_SIZE || upperOffset + length > end ? -1 : upperOffset + length;
}

/** The sum of the pseudo-header, unfolded; 0 for ICMP, which has none, and −1 where it is not known. */
function pseudoSum(outline: Outline, end: number): number {
  const { protocol, upperOffset } = outline;
  if (protocol === IP_PROTOCOL.ICMP) return 0;
  const sum = coveredSum(outline);
  return sum < 0 ? sum : sum + protocol + (end - upperOffset);
}

/**
 * Computes the upper layer's checksum. That of a fragment, and of a packet that is cut or malformed,
 * stays: it covers bytes that are not here.
 *
 * @returns whether it was computed.
 */
export function finishUpper(outline: Outline): boolean {
  const { packet, protocol, upperOffset } = outline;
  const end = coveredEnd(outline);
  const sum = end < 0 ? end : pseudoSum(outline, end);
  if (sum < 0) return false;
  const at = upperOffset + checksumOffset(protocol);
  packet.setU16(at, 0);
  const checksum = checksumFinish(packet.sum(upperOffset, end, sum));
  // UDP writes a computed 0 as all ones: 0 means "none" (RFC 768).
  packet.setU16(at, checksum === 0 && protocol === IP_PROTOCOL.UDP ? 0xffff : checksum);
  return true;
}

/**
 * What stands in a checksum that is left to the hardware or to the cutting into segments: the sum of
 * the pseudo-header, folded, and not its complement. −1 where it is not known.
 */
export function partialUpper(outline: Outline): number {
  const end = coveredEnd(outline);
  const sum = end < 0 ? end : pseudoSum(outline, end);
  return sum < 0 ? sum : checksumFinish(sum) ^ 0xffff;
}

/** Whether the upper layer is UDP without a checksum, which edits keep so. */
export function isUnsummed({ packet, readable, protocol, upperOffset }: Outline): boolean {
  return readable && protocol === IP_PROTOCOL.UDP &&
    packet.u16(upperOffset + UDP_OFFSET.checksum) === 0;
}

/** Computes the upper layer's checksum after a change of what it covers, unless it has none. */
export function renewUpper(outline: Outline): void {
  if (!outline.packet.partialChecksum && !isUnsummed(outline)) finishUpper(outline);
}
