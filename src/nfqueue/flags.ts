/**
 * The kernel's switches of a queue.
 *
 * @module
 */

import { NFQA_CFG_F } from "../netlink/queue/numbers.ts";

/** The kernel's per-queue switches (NFQA_CFG_F_*). */
export interface QueueFlags {
  /** Accept what finds the queue or the socket full. */
  readonly failOpen?: boolean | undefined;
  /** Take large packets uncut. */
  readonly gso?: boolean | undefined;
  /** Attach the connection tracking entry. */
  readonly conntrack?: boolean | undefined;
  /** Attach user and group of the local socket. */
  readonly uidGid?: boolean | undefined;
  /** Attach the security context. */
  readonly securityContext?: boolean | undefined;
}

/** The kernel's bit of each switch. */
export const FLAG_BITS = {
  failOpen: NFQA_CFG_F.FAIL_OPEN,
  conntrack: NFQA_CFG_F.CONNTRACK,
  gso: NFQA_CFG_F.GSO,
  uidGid: NFQA_CFG_F.UID_GID,
  securityContext: NFQA_CFG_F.SECCTX,
} as const satisfies Record<keyof QueueFlags, number>;
