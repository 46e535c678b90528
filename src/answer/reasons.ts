/**
 * What a rejected sender is told.
 *
 * @module
 */

import { show } from "../base/checks.ts";
import { IP_PROTOCOL } from "../packet/structure/protocols.ts";
import type { Outline } from "../packet/structure/outline.ts";

/** What `packet.reject` tells the sender: a TCP reset, or a reason of an ICMP error. */
export type RejectReason =
  | "tcp-reset"
  | "port-unreachable"
  | "host-unreachable"
  | "network-unreachable"
  | "admin-prohibited";

/** The reasons that ICMP has words for. */
export type IcmpReason = Exclude<RejectReason, "tcp-reset">;

/** Type and code of an ICMP error. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
}

/** ICMP's destination unreachable (RFC 792, RFC 1812 §5.2.7.1), and ICMPv6's (RFC 4443 §3.1). */
const ICMP_UNREACHABLE = 3;
const ICMPV6_UNREACHABLE = 1;

/** By IP version. */
export const ICMP_ERRORS: Readonly<Record<IcmpReason, Readonly<Record<4 | 6, IcmpError>>>> = {
  "port-unreachable": {
    4: { type: ICMP_UNREACHABLE, code: 3 },
    6: { type: ICMPV6_UNREACHABLE, code: 4 },
  },
  "host-unreachable": {
    4: { type: ICMP_UNREACHABLE, code: 1 },
    6: { type: ICMPV6_UNREACHABLE, code: 3 },
  },
  "network-unreachable": {
    4: { type: ICMP_UNREACHABLE, code: 0 },
    6: { type: ICMPV6_UNREACHABLE, code: 0 },
  },
  "admin-prohibited": {
    4: { type: ICMP_UNREACHABLE, code: 13 },
    6: { type: ICMPV6_UNREACHABLE, code: 1 },
  },
};

const REASONS: readonly string[] = ["tcp-reset", ...Object.keys(ICMP_ERRORS)];

/** @throws {TypeError} when it is no reason */
export function checkReason(reason: unknown): RejectReason {
  if (typeof reason === "string" && REASONS.includes(reason)) return reason as RejectReason;
  throw new TypeError(`reason must be one of ${REASONS.join(", ")}, got ${show(reason)}`);
}

/**
 * The reason for a packet, as it was given or else the usual one.
 *
 * @throws {RangeError} when a reset is to answer what is not TCP
 */
export function reasonFor(
  { protocol }: Outline,
  reason: RejectReason | undefined,
): RejectReason {
  const isTcp = protocol === IP_PROTOCOL.TCP;
  if (reason === undefined) return isTcp ? "tcp-reset" : "port-unreachable";
  if (reason === "tcp-reset") requireTcp(protocol);
  return reason;
}

/** @throws {RangeError} when it is not TCP's */
export function requireTcp(protocol: number): void {
  if (protocol === IP_PROTOCOL.TCP) return;
  const what = protocol < 0 ? "no protocol" : `the protocol ${protocol}`;
  throw new RangeError(`only a TCP packet is answered with a reset, and this one has ${what}`);
}
