import { PacketBytes } from "./packet_bytes.ts";
import { Outline } from "./outline.ts";
import { ETHERTYPE, IP_PROTOCOL } from "./protocols.ts";
import { finishHeader, finishUpper, partialUpper } from "./sums.ts";
import { UDP_OFFSET } from "./upper_layouts.ts";

/**
 * Computes the checksums of a whole IPv4 or IPv6 packet anew, in place: the IPv4 header's, and TCP's,
 * UDP's, ICMP's or ICMPv6's (RFC 1071). A fragment, or a packet that is cut or malformed, keeps its
 * upper layer's: it covers bytes that are not here.
 *
 * Lengths are not touched: set them first.
 *
 * @param bytes the packet from the network header on, written to.
 * @returns the same bytes.
 * @throws {TypeError} when `bytes` is no Uint8Array.
 */
export function finishChecksums<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  if (!finishPacket(bytes)) finishIpHeader(bytes);
  return bytes;
}

/** @ignore The same, if the upper layer's can be computed: else nothing is written, and it is false. */
export function finishPacket(bytes: Uint8Array): boolean {
  return finishOutlined(new Outline(new PacketBytes(bytes), ETHERTYPE.ANY, 0));
}

/** @ignore The same of a packet whose headers were found already. */
export function finishOutlined(outline: Outline): boolean {
  if (!finishUpper(outline)) return false;
  if (outline.version === 4) finishHeader(outline);
  return true;
}

/** @ignore Computes the IPv4 header's checksum alone. */
export function finishIpHeader(bytes: Uint8Array): void {
  const outline = new Outline(new PacketBytes(bytes), ETHERTYPE.ANY, 0);
  if (outline.version === 4) finishHeader(outline);
}

/**
 * Computes what a UDP packet holds that is cut into datagrams later: the IPv4 header's checksum, and
 * in the place of UDP's the sum of its pseudo-header, from which each datagram's is computed.
 *
 * @param bytes the packet from the network header on, written to.
 * @returns whether the latter could be computed; else nothing is written.
 */
export function startChecksum(bytes: Uint8Array): boolean {
  return startOutlined(new Outline(new PacketBytes(bytes), ETHERTYPE.ANY, 0));
}

/** @ignore The same of a packet whose headers were found already. */
export function startOutlined(outline: Outline): boolean {
  const sum = partialUpper(outline);
  if (sum < 0 || outline.protocol !== IP_PROTOCOL.UDP) return false;
  if (outline.version === 4) finishHeader(outline);
  outline.packet.setU16(outline.upperOffset + UDP_OFFSET.checksum, sum);
  return true;
}

/** Whether a UDP packet holds that sum. */
export function isChecksumStart(outline: Outline): boolean {
  const sum = partialUpper(outline);
  // Ones' complement has two zeros.
  return sum >= 0 &&
    outline.packet.u16(outline.upperOffset + UDP_OFFSET.checksum) % 0xffff === sum % 0xffff;
}
