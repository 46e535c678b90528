/**
 * Which packets are never answered: RFC 1122 §3.2.2, RFC 4443 §2.4 (e), RFC 9293 §3.5.2.
 *
 * @module
 */

import { isExtensionHeader } from "../packet/structure/extension_headers.ts";
import { IPV4_OFFSET, IPV6_OFFSET } from "../packet/structure/ip_layouts.ts";
import type { PacketBytes } from "../packet/structure/packet_bytes.ts";
import { IP_PROTOCOL } from "../packet/structure/protocols.ts";
import { ICMP_OFFSET, TCP_HEADER_SIZE, TCP_OFFSET } from "../packet/structure/upper_layouts.ts";
import { TCP_FLAG } from "../packet/transport/tcp_flags.ts";
import type { OffendingPacket } from "./offending_packet.ts";

/** Why a packet was dropped without an answer. */
export type Unanswered =
  /** It is a TCP reset. */
  | "reset"
  /** It is an ICMP error, or an ICMP message that is no query. */
  | "icmp-error"
  /** It is a fragment: a later one, or any one where a reset would have to count its bytes. */
  | "fragment"
  /** It was for many: a broadcast or a multicast. */
  | "destination"
  /** Its source is no single host that could be answered. */
  | "source"
  /** Its checksum is wrong. */
  | "checksum"
  /** Its headers make no sense. */
  | "malformed"
  /** So many packets have been answered in this second (`answersPerSecond`). */
  | "limit";

/** What of it is missing: too little of the packet was captured. */
export const CUT: unique symbol = Symbol("cut");

/** ICMP messages that are queries, as the kernel counts them; all others are not answered. */
const QUERIES: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
/** ICMPv6: below are the errors (RFC 4443 §2.1), and redirects are not answered either. */
const ICMPV6_FIRST_INFORMATION = 128;
const ICMPV6_REDIRECT = 137;
/** An error quotes so many bytes of the upper layer at least: the ports (RFC 792). */
const LEAST_QUOTED = 8;

/** What is answered with: TCP's own means, or an ICMP error. */
export type AnswerKind = "reset" | "icmp";

/** Why a packet gets no answer of this kind; undefined where it gets one. */
export function whyUnanswered(
  offending: OffendingPacket,
  kind: AnswerKind,
): Unanswered | typeof CUT | undefined {
  const { outline, truncated } = offending;
  const { version, packet, fragment, laterFragment } = outline;
  const missing = truncated ? CUT : "malformed";
  if (version === 0) return missing;
  if (laterFragment || (fragment && kind === "reset")) return "fragment";
  return whyAddresses(packet, offending) ?? whyUpper(offending, kind) ??
    (offending.damaged ? "checksum" : undefined);
}

function whyAddresses(
  packet: PacketBytes,
  { outline: { version }, local }: OffendingPacket,
): Unanswered | undefined {
  const isIpv4 = version === 4;
  const isGroup = isIpv4 ? isGroup4 : isGroup6;
  if (isGroup(packet, isIpv4 ? IPV4_OFFSET.destination : IPV6_OFFSET.destination)) {
    return "destination";
  }
  const source = isIpv4 ? IPV4_OFFSET.source : IPV6_OFFSET.source;
  const loopback = isIpv4 ? packet.u8(source) === 127 : lastOf6(packet, source) === 1;
  return isGroup(packet, source) || (loopback && !local) ? "source" : undefined;
}

/** Whether an address is no single host's: of this network, multicast, reserved (with the broadcast). */
function isGroup4(packet: PacketBytes, at: number): boolean {
  const first = packet.u8(at);
  return first === 0 || first >= 224;
}

/** The same: none, or multicast. */
function isGroup6(packet: PacketBytes, at: number): boolean {
  return packet.u8(at) === 0xff || lastOf6(packet, at) === 0;
}

/** The last 32 bits of an address that is otherwise zero; −1 for any other. */
function lastOf6(packet: PacketBytes, at: number): number {
  const zero = packet.u32(at) === 0 && packet.u32(at + 4) === 0 && packet.u32(at + 8) === 0;
  return zero ? packet.u32(at + 12) : -1;
}

function whyUpper(
  { outline, truncated, length }: OffendingPacket,
  kind: AnswerKind,
): Unanswered | typeof CUT | undefined {
  const { packet, protocol, upperOffset, end, version } = outline;
  const missing = truncated ? CUT : "malformed";
  const have = end - upperOffset;
  // The walk over the extension headers has not come to its end.
  if (version === 6 && isExtensionHeader(protocol)) return missing;
  if (protocol === IP_PROTOCOL.TCP) {
    if (have <= TCP_OFFSET.flags) return missing;
    if ((packet.u8(upperOffset + TCP_OFFSET.flags) & TCP_FLAG.RST) !== 0) return "reset";
    if (kind === "reset" && !outline.readable) {
      return have < TCP_HEADER_SIZE ? missing : "malformed";
    }
  }
  if (protocol === (version === 4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6)) {
    if (have <= ICMP_OFFSET.type) return missing;
    if (isIcmpError(version, packet.u8(upperOffset + ICMP_OFFSET.type))) return "icmp-error";
  }
  return truncated && have < Math.min(LEAST_QUOTED, length - upperOffset) ? CUT : undefined;
}

function isIcmpError(version: number, type: number): boolean {
  if (version === 4) return !QUERIES.has(type);
  return type < ICMPV6_FIRST_INFORMATION || type === ICMPV6_REDIRECT;
}
