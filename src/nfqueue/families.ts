/**
 * The protocol families whose packets go to NFQUEUE. Kernels before 3.8 queue a family's packets only
 * once that was asked for; later ones ignore the request.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "../linux/errno.ts";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import type { Pointer } from "../../ffi/types.ts";

/** NFPROTO_* of <linux/netfilter.h>. */
export const FAMILY = { IPV4: 2, BRIDGE: 7, IPV6: 10 } as const;

/** Who else may have a family's packets: modules of Linux before 3.5. */
const OTHERS: Readonly<Record<number, readonly [packets: string, module: string]>> = {
  [FAMILY.IPV4]: ["IPv4", "ip_queue"],
  [FAMILY.IPV6]: ["IPv6", "ip6_queue"],
};

/**
 * Asks for families, over a handle that gets no packets yet: the library waits for each answer.
 *
 * @returns those that NFQUEUE cannot have, because ip_queue has them
 */
export function bindFamilies(handle: Pointer, families: readonly number[]): readonly number[] {
  prepareErrno();
  const { nfq_bind_pf } = libnetfilterQueue();
  return families.filter((family) => {
    if (nfq_bind_pf(handle, family) >= 0) return false;
    // EEXIST: it is bound already. A missing capability is told where a queue is bound.
    return threadErrno() === ERRNO.EBUSY;
  });
}

/** What to do about a family that ip_queue has. */
export function adviseFamily(family: number): string {
  const [packets, module] = OTHERS[family] ?? [`family ${family}`, "another queue handler"];
  return `The kernel's module ${module} has all queued packets of ${packets}, and NFQUEUE gets none: ` +
    `end the program that uses it and remove it (modprobe -r ${module})`;
}
