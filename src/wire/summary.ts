import type { Icmpv6View } from "./icmpv6.ts";
import type { IcmpView } from "./icmp.ts";
import type { Ipv4View } from "./ipv4.ts";
import type { Ipv6View } from "./ipv6.ts";
import type { Layers } from "./layers.ts";
import { TCP_FLAG, type TcpView } from "./tcp.ts";

/** Options of {@link summary}. */
export interface SummaryOptions {
  /** Bytes of the packet on the wire, when it was not captured whole. Default: the frame's length. */
  readonly length?: number;
}

/** tcpdump's letters, in its order. */
const FLAG_LETTERS = [
  [TCP_FLAG.FIN, "F"],
  [TCP_FLAG.SYN, "S"],
  [TCP_FLAG.RST, "R"],
  [TCP_FLAG.PSH, "P"],
  [TCP_FLAG.ACK, "."],
  [TCP_FLAG.URG, "U"],
  [TCP_FLAG.ECE, "E"],
  [TCP_FLAG.CWR, "W"],
] as const;

/**
 * One line about a packet, in the words of tcpdump: `IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], …`.
 *
 * @throws {PacketReleasedError} when the frame was released.
 */
export function summary(layers: Layers, options: SummaryOptions = {}): string {
  const wire = options.length ?? layers.frame.length;
  const { ip, tcp, udp, icmp, icmpv6 } = layers;
  if (ip === undefined) {
    const what = layers.ethertype === 0
      ? "unknown protocol"
      : `ethertype 0x${layers.ethertype.toString(16).padStart(4, "0")}`;
    return `${what}, length ${wire}${flaw(layers)}`;
  }
  const name = ip.version === 4 ? "IP" : "IP6";
  const length = upperLength(ip, wire);
  if (tcp !== undefined) {
    const from = `${ip.source}.${tcp.sourcePort}`;
    const to = `${ip.destination}.${tcp.destinationPort}`;
    return `${name} ${from} > ${to}: ${describeTcp(tcp, Math.max(0, length - tcp.headerLength))}`;
  }
  if (udp !== undefined) {
    const from = `${ip.source}.${udp.sourcePort}`;
    const to = `${ip.destination}.${udp.destinationPort}`;
    const data = Math.max(0, (udp.length || length) - 8);
    return `${name} ${from} > ${to}: UDP, length ${data}`;
  }
  const ends = `${name} ${ip.source} > ${ip.destination}:`;
  if (icmp !== undefined) return `${ends} ICMP ${describeIcmp(icmp)}, length ${length}`;
  if (icmpv6 !== undefined) return `${ends} ICMP6, ${describeIcmp(icmpv6)}, length ${length}`;
  const offset = ip.version === 4 ? ip.fragmentOffset : ip.fragment?.offset ?? 0;
  const fragment = offset === 0 ? "" : `, fragment offset ${offset}`;
  return `${ends} ip-proto-${ip.protocol}${fragment}, length ${length}${flaw(layers)}`;
}

/** Bytes after the IP headers: what the header says, and the wire's when it says 0. */
function upperLength(ip: Ipv4View | Ipv6View, wire: number): number {
  const total = ip.version === 4
    ? ip.totalLength || wire
    : (ip.payloadLength === 0 && ip.nextHeader !== 59 ? wire : 40 + ip.payloadLength);
  return Math.max(0, total - ip.headerLength);
}

function describeTcp(tcp: TcpView, length: number): string {
  const { flags, sequenceNumber } = tcp;
  let letters = "";
  for (const [bit, letter] of FLAG_LETTERS) if ((flags & bit) !== 0) letters += letter;
  const parts = [`Flags [${letters || "none"}]`];
  if (length > 0) parts.push(`seq ${sequenceNumber}:${(sequenceNumber + length) >>> 0}`);
  else if ((flags & (TCP_FLAG.SYN | TCP_FLAG.FIN | TCP_FLAG.RST)) !== 0) {
    parts.push(`seq ${sequenceNumber}`);
  }
  if (tcp.ack) parts.push(`ack ${tcp.acknowledgmentNumber}`);
  parts.push(`win ${tcp.windowSize}`);
  if (tcp.urg) parts.push(`urg ${tcp.urgentPointer}`);
  parts.push(`length ${length}`);
  return parts.join(", ");
}

function describeIcmp(icmp: IcmpView | Icmpv6View): string {
  const { identifier, sequenceNumber, typeName, code } = icmp;
  if (identifier !== undefined) return `${typeName}, id ${identifier}, seq ${sequenceNumber}`;
  return code === 0 ? typeName : `${typeName}, code ${code}`;
}

function flaw(layers: Layers): string {
  const problem = layers.malformed;
  return problem === undefined ? "" : ` [${problem.layer} cut or malformed]`;
}
