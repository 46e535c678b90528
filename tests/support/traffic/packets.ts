/**
 * IPv4 and IPv6 packets by hand: the tests compute lengths and checksums on their own, so that they
 * do not believe the code they test.
 *
 * @module
 */

const decoder = new TextDecoder();
const udpHeader = 8;

/** Length of the IP header; IPv6 without extension headers, as the tests' own packets are. */
export function ipHeaderLength(packet: Uint8Array): number {
  const first = packet[0] ?? 0;
  return first >> 4 === 6 ? 40 : (first & 15) * 4;
}

/** What a UDP packet carries, as text. */
export function udpText(packet: Uint8Array): string {
  return decoder.decode(packet.subarray(ipHeaderLength(packet) + udpHeader));
}

/** The ones' complement sum of RFC 1071 over 16-bit words, folded. */
export function internetSum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at] ?? 0) * 256 + (part[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The same UDP packet with other data: lengths and both checksums are made new. */
export function withUdpText(packet: Uint8Array, text: string): Uint8Array {
  const data = new TextEncoder().encode(text);
  const start = ipHeaderLength(packet);
  const made = new Uint8Array(start + udpHeader + data.length);
  made.set(packet.subarray(0, start + udpHeader));
  made.set(data, start + udpHeader);
  const view = new DataView(made.buffer);
  const udpLength = udpHeader + data.length;
  const isIpv6 = (made[0] ?? 0) >> 4 === 6;
  if (isIpv6) {
    view.setUint16(4, udpLength);
  } else {
    view.setUint16(2, made.length);
    view.setUint16(10, 0);
    view.setUint16(10, ~internetSum(made.subarray(0, start)) & 0xffff);
  }
  view.setUint16(start + 4, udpLength);
  view.setUint16(start + 6, 0);
  const addresses = isIpv6 ? made.subarray(8, 40) : made.subarray(12, 20);
  const pseudo = new Uint8Array([0, 17, udpLength >> 8, udpLength & 255]);
  const sum = ~internetSum(addresses, pseudo, made.subarray(start)) & 0xffff;
  // A sum of zero would mean "no checksum", so UDP writes its other zero.
  view.setUint16(start + 6, sum === 0 ? 0xffff : sum);
  return made;
}

/** The same IPv4 TCP packet with its checksum made new, in place. */
export function withTcpChecksum(packet: Uint8Array): Uint8Array {
  const start = ipHeaderLength(packet);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const length = packet.length - start;
  view.setUint16(start + 16, 0);
  const pseudo = new Uint8Array([0, 6, length >> 8, length & 255]);
  const sum = internetSum(packet.subarray(12, 20), pseudo, packet.subarray(start));
  view.setUint16(start + 16, ~sum & 0xffff);
  return packet;
}

/** An IPv4 UDP packet from nowhere, with this text. */
export function udpPacket(text: string): Uint8Array {
  const headers = new Uint8Array(28);
  headers[0] = 0x45;
  headers[8] = 64;
  headers[9] = 17;
  headers.set([127, 0, 0, 1, 127, 0, 0, 1], 12);
  return withUdpText(headers, text);
}
