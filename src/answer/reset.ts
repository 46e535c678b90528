/**
 * TCP resets: RFC 9293 §3.5.2 and §3.10.7, as the kernel's REJECT makes them.
 *
 * @module
 */

import { buildPacket } from "../packet/build/build.ts";
import type { Ipv4View } from "../packet/ip/ipv4.ts";
import type { Ipv6View } from "../packet/ip/ipv6.ts";
import type { TcpView } from "../packet/transport/tcp.ts";
import { ipOf, tcpOf } from "../packet/views.ts";
import { IPV4_OFFSET, IPV6_HEADER_SIZE, IPV6_OFFSET } from "../packet/structure/ip_layouts.ts";
import type { OffendingPacket } from "./offending_packet.ts";

/** From whom and to whom, and the numbers. */
interface ResetFields {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequenceNumber: number;
  /** Absent: the acknowledgment number means nothing. */
  readonly acknowledgmentNumber?: number;
}

/** TTL 64, no options, window 0; over IPv4 identification 0, which "don't fragment" allows (RFC 6864). */
function buildReset(version: number, fields: ResetFields): Uint8Array<ArrayBuffer> {
  const { source, destination, acknowledgmentNumber, ...numbers } = fields;
  const network = version === 4
    ? { ipv4: { source, destination, ttl: 64, dontFragment: true } }
    : { ipv6: { source, destination, hopLimit: 64 } };
  const ack = acknowledgmentNumber !== undefined;
  return buildPacket({
    ...network,
    tcp: {
      ...numbers,
      acknowledgmentNumber: acknowledgmentNumber ?? 0,
      rst: true,
      ack,
      windowSize: 0,
    },
  });
}

/** The views of a packet of which `whyUnanswered` said that a reset may answer it. */
function viewsOf({ outline }: OffendingPacket): { ip: Ipv4View | Ipv6View; tcp: TcpView } {
  return { ip: ipOf(outline)!, tcp: tcpOf(outline)! };
}

/** The reset that its receiver would send back to its sender. */
export function resetToSender(offending: OffendingPacket): Uint8Array<ArrayBuffer> {
  const { ip, tcp } = viewsOf(offending);
  const next = tcp.sequenceNumber + segmentLength(offending, tcp);
  return buildReset(offending.outline.version, {
    ...{ source: ip.destination, destination: ip.source },
    ...{ sourcePort: tcp.destinationPort, destinationPort: tcp.sourcePort },
    ...(tcp.ack
      ? { sequenceNumber: tcp.acknowledgmentNumber }
      : { sequenceNumber: 0, acknowledgmentNumber: next >>> 0 }),
  });
}

/**
 * The reset that its sender would send in its place: with its own number, which is the next that the
 * receiver waits for where nothing is under way (RFC 5961 §3.2). Undefined for a connection's first
 * packet: its receiver has no connection yet.
 */
export function resetToReceiver(offending: OffendingPacket): Uint8Array<ArrayBuffer> | undefined {
  const { ip, tcp } = viewsOf(offending);
  if (tcp.syn && !tcp.ack) return undefined;
  return buildReset(offending.outline.version, {
    ...{ source: ip.source, destination: ip.destination },
    ...{ sourcePort: tcp.sourcePort, destinationPort: tcp.destinationPort },
    sequenceNumber: tcp.sequenceNumber,
    ...(tcp.ack && { acknowledgmentNumber: tcp.acknowledgmentNumber }),
  });
}

/** SEG.LEN: the data, captured or not, and SYN and FIN, which count as one byte each. */
function segmentLength({ outline, length }: OffendingPacket, tcp: TcpView): number {
  const { packet, version, upperOffset } = outline;
  // GSO packets beyond 64 KiB say 0.
  const declared = version === 4
    ? packet.u16(IPV4_OFFSET.totalLength)
    : packet.u16(IPV6_OFFSET.payloadLength) && IPV6_HEADER_SIZE +
        packet.u16(IPV6_OFFSET.payloadLength);
  const data = (declared || length) - upperOffset - tcp.headerLength;
  return Math.max(data, 0) + Number(tcp.syn) + Number(tcp.fin);
}
