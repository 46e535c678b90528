/**
 * ICMP and ICMPv6 errors: RFC 1122 §3.2.2, RFC 4443 §2.4, as the kernel's REJECT makes them.
 *
 * @module
 */

import { formatIpv4, formatIpv6 } from "../base/address.ts";
import { buildPacket } from "../packet/build/build.ts";
import { ipOf } from "../packet/views.ts";
import type { OffendingPacket } from "./offending_packet.ts";
import { ICMP_ERRORS, type IcmpReason } from "./reasons.ts";

/** An error is never longer: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
const LONGEST = { 4: 576, 6: 1280 } as const;
/** Bytes before what is quoted: the IP header, and the ICMP header. */
const HEADERS = { 4: 28, 6: 48 } as const;
/** Precedence "internetwork control" (RFC 1812 §4.3.2.5), as DSCP; the lower three bits are the packet's. */
const INTERNETWORK_CONTROL = 0b110000;

/**
 * The error that answers a packet, of which `whyUnanswered` said that it may be answered.
 *
 * @param source the address of the host that rejects it: 4 bytes or 16
 */
export function icmpError(
  offending: OffendingPacket,
  { reason, source }: { readonly reason: IcmpReason; readonly source: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { outline: { version }, bytes } = offending;
  const ip = ipOf(offending.outline)!;
  const key = version as 4 | 6;
  const error = ICMP_ERRORS[reason][key];
  const payload = bytes.subarray(0, LONGEST[key] - HEADERS[key]);
  if (version === 6) {
    const ipv6 = { source: formatIpv6(source), destination: ip.source, hopLimit: 64 };
    return buildPacket({ ipv6, icmpv6: { ...error, restOfHeader: 0 }, payload });
  }
  const [a = 0, b = 0, c = 0, d = 0] = source;
  const ipv4 = {
    source: formatIpv4(((a << 24) | (b << 16) | (c << 8) | d) >>> 0),
    destination: ip.source,
    ttl: 64,
    dscp: INTERNETWORK_CONTROL | (ip.dscp & 7),
  };
  return buildPacket({ ipv4, icmp: { ...error, restOfHeader: 0 }, payload });
}
