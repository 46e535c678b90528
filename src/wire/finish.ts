import { Frame } from "./frame.ts";
import { Outline } from "./outline.ts";
import { ETHERTYPE } from "./protocols.ts";
import { checkBytes } from "./range.ts";
import { finishHeader, finishUpper } from "./sums.ts";

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
  finishPacket(checkBytes("bytes", bytes, Infinity));
  return bytes;
}

/** @ignore The same; returns whether the upper layer's could be computed. */
export function finishPacket(bytes: Uint8Array): boolean {
  const outline = new Outline(new Frame(bytes), ETHERTYPE.ANY, 0);
  if (outline.version === 4) finishHeader(outline);
  return finishUpper(outline);
}
