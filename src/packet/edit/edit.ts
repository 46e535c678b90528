// How the views change a packet: a field and the checksums that cover it, or a part and every length
// above it. Whatever may throw does so before the first byte is changed.
import { type GivenBytes, lengthOf } from "../../base/bytes.ts";
import { WireError } from "../../base/errors.ts";
import { PacketBytes } from "../structure/packet_bytes.ts";
import { IPV6_EXTENSION } from "../structure/extension_headers.ts";
import { IPV4_OFFSET, IPV6_HEADER_SIZE, IPV6_OFFSET } from "../structure/ip_layouts.ts";
import { ARP_LAYER } from "../structure/link_layouts.ts";
import { UDP_OFFSET, type UpperLayout } from "../structure/upper_layouts.ts";
import { findJumbo, findJumboOption, writePayloadLength } from "../structure/jumbo.ts";
import type { Outline } from "../structure/outline.ts";
import { ETHERTYPE, IP_PROTOCOL } from "../structure/protocols.ts";
import { coveredDestination, coveredSource } from "../structure/pseudo.ts";
import {
  isUnsummed,
  renewUpper,
  updateHeader,
  updatePseudo,
  updateUpper,
  wordSum,
} from "../structure/sums.ts";

const MAX_LENGTH = 0xffff;
const MAX_JUMBO_LENGTH = 0xffffffff;

/** The sum of a 32-bit word's halves. */
export function sumOf32(word: number): number {
  const sum = (word >>> 16) + (word & 0xffff);
  return (sum & 0xffff) + (sum >>> 16);
}

/** Refuses the use of a view whose layer an edit took away. */
function refuseStale({ packet, networkOffset }: Outline, layer: string): never {
  const have = packet.length - networkOffset;
  const reason = "an edit made this a packet without it; ask the packet for its views again";
  throw new WireError({ layer, offset: networkOffset, need: 0, have, reason });
}

/** @throws {WireError} unless the packet still is of this IP version. */
export function requireVersion(outline: Outline, version: 4 | 6): void {
  if (outline.version !== version) refuseStale(outline, `ipv${version} header`);
}

/** @throws {WireError} unless the packet still has this upper layer. */
export function requireUpper(outline: Outline, layout: UpperLayout): void {
  if (outline.protocol !== layout.protocol || !outline.readable) {
    refuseStale(outline, layout.layer);
  }
}

/** @throws {WireError} unless the packet still is one of ARP. */
export function requireArp(outline: Outline): void {
  if (outline.protocol !== ETHERTYPE.ARP || !outline.readable) refuseStale(outline, ARP_LAYER);
}

/** Writes a word of the IPv4 header, at an even offset. */
export function writeIpv4Word(outline: Outline, offset: number, word: number): void {
  requireVersion(outline, 4);
  const { packet } = outline;
  const at = outline.networkOffset + offset;
  const old = packet.u16(at);
  packet.setU16(at, word);
  updateHeader(outline, old, word);
}

/** Writes an IPv4 address, as a number. */
export function writeIpv4Address(outline: Outline, offset: number, address: number): void {
  requireVersion(outline, 4);
  const { packet } = outline;
  const at = outline.networkOffset + offset;
  const before = sumOf32(packet.u32(at));
  packet.setU32(at, address);
  const after = sumOf32(address);
  updateHeader(outline, before, after);
  if (at === coveredSource(outline) || at === coveredDestination(outline)) {
    updatePseudo(outline, before, after);
  }
}

/** Writes a word that the upper layer's checksum covers, at an even offset of its header. */
export function writeUpper16(outline: Outline, offset: number, word: number): void {
  const { packet } = outline;
  const at = outline.upperOffset + offset;
  const old = packet.u16(at);
  packet.setU16(at, word);
  updateUpper(outline, old, word);
}

/** The same for 32 bits. */
export function writeUpper32(outline: Outline, offset: number, value: number): void {
  const { packet } = outline;
  const at = outline.upperOffset + offset;
  const old = packet.u32(at);
  packet.setU32(at, value);
  updateUpper(outline, sumOf32(old), sumOf32(value));
}

/** The same for bytes, at any offset. */
export function writeUpperBytes(
  outline: Outline,
  at: number,
  bytes: GivenBytes,
  length: number = lengthOf(bytes),
): void {
  const { packet, upperOffset } = outline;
  const end = at + length;
  const before = wordSum(packet, upperOffset, at, end);
  packet.replace(at, length, bytes, length);
  updateUpper(outline, before, wordSum(packet, upperOffset, at, end));
}

/** After an edit that changed what the packet is: its layers, and what the checksums cover. */
export function restructure(outline: Outline): void {
  outline.refresh();
  renewUpper(outline);
}

/** A part of the packet, and the field's name for errors. */
export interface Part {
  readonly field: string;
  /** Its first byte, and the first behind it, from the start of the bytes. */
  readonly from: number;
  readonly to: number;
  /** It belongs to the IP header, which each fragment has to itself. */
  readonly inHeader?: boolean;
  /** What an IPv6 header names next from then on, when the part begins right behind it. */
  readonly nextHeader?: number;
}

/**
 * Puts bytes in the place of a part, which may be longer or shorter, and sets the IP header's
 * length. The outline is not refreshed.
 *
 * @param count how many bytes there are.
 * @returns by how many bytes the packet grew.
 * @throws {RangeError} when the length may not change, or would become too large, or the part is cut.
 */
export function replacePart(
  outline: Outline,
  part: Part,
  bytes: GivenBytes,
  count: number = lengthOf(bytes),
): number {
  const { packet, networkOffset } = outline;
  const { field, from, to } = part;
  const growth = count - (to - from);
  if (to > outline.end) {
    packet.requireWritable();
    throw new RangeError(`${field} cannot be written: not all of the old is here`);
  }
  const length = outline.end - networkOffset + growth;
  if (growth !== 0) {
    checkResizable(outline, part, count);
    const most = mostBytes(outline, part, bytes);
    if (length > most) {
      const name = `IPv${outline.version} packet`;
      throw new RangeError(`${field}: the ${name} would have ${length} bytes, ${most} at most`);
    }
  }
  packet.replace(from, to - from, bytes, count);
  if (part.nextHeader !== undefined) {
    packet.setU8(networkOffset + IPV6_OFFSET.nextHeader, part.nextHeader);
  }
  if (growth === 0) return 0;
  if (outline.version === 4) writeIpv4Word(outline, IPV4_OFFSET.totalLength, length);
  else writePayloadLength(packet, networkOffset, length - IPV6_HEADER_SIZE);
  return growth;
}

/** How long the packet may become: more only for what is a jumbogram, and stays one. */
function mostBytes(
  { packet, version, networkOffset }: Outline,
  part: Part,
  bytes: GivenBytes,
): number {
  if (version === 4) return MAX_LENGTH;
  let jumbo = findJumbo(packet, networkOffset) >= 0;
  if (jumbo && part.nextHeader !== undefined) {
    jumbo = part.nextHeader === IPV6_EXTENSION.HOP_BY_HOP &&
      findJumboOption(new PacketBytes(bytes as Uint8Array), 0) >= 0;
  }
  return IPV6_HEADER_SIZE + (jumbo ? MAX_JUMBO_LENGTH : MAX_LENGTH);
}

function checkResizable(
  outline: Outline,
  { field, from, to, inHeader = false }: Part,
  length: number,
): void {
  if (outline.whole || (outline.complete && inHeader)) return;
  const why = outline.fragment
    ? "is a fragment, and the rest of the datagram is elsewhere"
    : "is longer than its bytes that are here";
  // Bytes that are released, or whose owner allows no change, have their own errors.
  outline.packet.requireWritable();
  throw new RangeError(
    `${field} must keep its ${to - from} bytes, got ${length}: the packet ${why}`,
  );
}

/** Replaces the upper layer's data; every length and the checksum follow. */
export function replaceData(
  outline: Outline,
  part: Part,
  bytes: GivenBytes,
  count: number,
): void {
  const { packet, protocol } = outline;
  if (count === part.to - part.from && !outline.whole) {
    writeUpperBytes(outline, part.from, bytes, count);
    return;
  }
  const unsummed = isUnsummed(outline);
  const growth = replacePart(outline, part, bytes, count);
  if (growth !== 0) {
    if (protocol === IP_PROTOCOL.UDP) {
      const length = part.to - outline.upperOffset + growth;
      // In a jumbogram 0 stands for what the field cannot hold (RFC 2675 §4).
      packet.setU16(outline.upperOffset + UDP_OFFSET.length, length > MAX_LENGTH ? 0 : length);
    }
    outline.refresh();
  }
  if (!unsummed) renewUpper(outline);
}

/** Replaces everything behind the IP headers. */
export function replaceIpPayload(outline: Outline, bytes: GivenBytes, count: number): void {
  const part = { field: "payload", from: outline.upperOffset, to: outline.end };
  replacePart(outline, part, bytes, count);
  restructure(outline);
}
