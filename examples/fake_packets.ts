/**
 * For research on what a box in the middle believes: before the first data of each connection to port 443
 * it sends a decoy with the same numbers, other bytes, and so few hops that the server never sees it.
 *
 *     sudo env HOPS=3 nfqueue run examples/fake_packets.ts
 */

import process from "node:process";
import { defineFilter, type Filter, type Packet, Verdict } from "@nfqueue/nfqueue";
import { buildPacket } from "@nfqueue/nfqueue/packet";

const MOST = 10_000;

/** The packet's addresses and numbers, with bytes that are none of TLS. */
function decoyOf({ ip, tcp }: Packet, hops: number): Uint8Array | undefined {
  if (!ip || !tcp) return undefined;
  const { source, destination } = ip;
  const { sourcePort, destinationPort, sequenceNumber, acknowledgmentNumber, windowSize } = tcp;
  const numbers = { sourcePort, destinationPort, sequenceNumber, acknowledgmentNumber, windowSize };
  return buildPacket({
    ip: { source, destination, ttl: hops },
    tcp: { ...numbers, ack: true, psh: true, options: tcp.options.slice() },
    payload: new Uint8Array(Math.min(tcp.payload.length, 500)),
  });
}

/**
 * Makes the filter.
 *
 * @param hops how far a decoy gets: one less than the server is away
 */
export function fakePackets(hops: number): Filter {
  const seen = new Set<number | string>();
  return defineFilter({
    rules: { hook: ["output", "forward"], protocol: "tcp", destinationPort: 443, firstPackets: 8 },
    packet(packet) {
      const { tcp, flow } = packet;
      if (!tcp || !flow || tcp.payload.length === 0 || seen.has(flow.directedKey)) {
        return Verdict.Accept;
      }
      if (seen.size >= MOST) seen.clear();
      seen.add(flow.directedKey);
      const decoy = decoyOf(packet, hops);
      if (decoy) packet.send(decoy); // it leaves first, as this packet has no verdict yet
      return Verdict.Accept;
    },
  });
}

export default fakePackets(Number(process.env["HOPS"] ?? 3));
