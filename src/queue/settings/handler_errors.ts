/**
 * What becomes of a packet whose handler failed.
 *
 * @module
 */

import type { Packet } from "../packet/packet.ts";
import { isVerdict, type Verdict } from "../packet/verdict.ts";

/** What `onHandlerError` says: see the option. */
export type HandlerErrorPolicy =
  | "throw"
  | Verdict
  | ((error: unknown, packet: Packet) => Verdict);

/** The verdict that the policy gives; undefined where the loop is to end. */
export function verdictAfter(
  policy: HandlerErrorPolicy,
  error: unknown,
  packet: Packet,
): Verdict | undefined {
  if (policy === "throw") return undefined;
  if (typeof policy !== "function") return policy;
  try {
    const verdict = policy(error, packet);
    return isVerdict(verdict) ? verdict : undefined;
  } catch {
    return undefined;
  }
}
