import { internetChecksum, pseudoHeaderIpv4, pseudoHeaderIpv6 } from "./checksum.ts";
import { type Layers, parseLayers } from "./layers.ts";

/** Where the checksum stands in each upper layer's header, by protocol number. */
const CHECKSUM_OFFSET: Readonly<Record<number, number>> = { 1: 2, 6: 16, 17: 6, 58: 2 };
const ICMP = 1;
const UDP = 17;

/**
 * Computes the checksums of a whole IPv4 or IPv6 packet anew, in place: the IPv4 header's, and TCP's,
 * UDP's, ICMP's or ICMPv6's (RFC 1071). A fragment, or a packet that is cut or malformed, keeps its
 * upper layer's: it covers bytes that are not here.
 *
 * Lengths are not touched: set them first.
 *
 * @param bytes the packet from the network header on, written to.
 * @returns the same bytes.
 */
export function finishChecksums<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  const layers = parseLayers(bytes);
  const { ipv4, ip } = layers;
  if (ip === undefined) return bytes;
  if (ipv4 !== undefined) {
    store(bytes, 10, 0);
    store(bytes, 10, internetChecksum(bytes, 0, ipv4.headerLength));
  }
  const at = CHECKSUM_OFFSET[ip.protocol];
  if (at === undefined || !isComplete(layers)) return bytes;
  const start = ip.payload.byteOffset - bytes.byteOffset;
  const length = ip.payload.length;
  let sum = 0;
  if (ipv4 === undefined) sum = pseudoHeaderIpv6(bytes, 0, ip.protocol, length);
  else if (ip.protocol !== ICMP) sum = pseudoHeaderIpv4(bytes, 0, ip.protocol, length);
  store(bytes, start + at, 0);
  const checksum = internetChecksum(bytes, start, start + length, sum);
  // UDP writes a computed 0 as all ones: 0 means "none" (RFC 768).
  store(bytes, start + at, checksum === 0 && ip.protocol === UDP ? 0xffff : checksum);
  return bytes;
}

/** The upper layer is all here, from its first byte to its last. */
function isComplete({ ipv4, ipv6, tcp, udp, icmp, icmpv6, frame }: Layers): boolean {
  if ((tcp ?? udp ?? icmp ?? icmpv6) === undefined) return false;
  if (ipv4 !== undefined) return !ipv4.moreFragments && ipv4.totalLength <= frame.length;
  if (ipv6 === undefined) return false;
  return ipv6.fragment?.moreFragments !== true && 40 + ipv6.payloadLength <= frame.length;
}

function store(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 8;
  bytes[offset + 1] = value & 0xff;
}
