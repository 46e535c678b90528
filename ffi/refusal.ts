/**
 * Why the kernel refuses a queue: it answers EPERM both for a missing capability and for a queue that
 * has an owner.
 *
 * @module
 */

import { ERRNO } from "./errno.ts";
import { readSystemFile } from "./files.ts";
import { type QueueStatistics, readQueueTable } from "./queue_table.ts";

const CAP_NET_ADMIN = 12n;

/** What stands in the way. */
export type Refusal =
  | { readonly cause: "capability" }
  | { readonly cause: "owner"; readonly owner: QueueStatistics }
  /** The capability is there; who owns what, this user namespace may not read. */
  | { readonly cause: "hidden" }
  /** The capability is there, but for a user namespace that does not own this network namespace. */
  | { readonly cause: "namespace" };

/** Explains an EPERM (or EBUSY) on binding a queue. */
export function refusalOf(queue: number): Refusal {
  if (!hasNetAdmin()) return { cause: "capability" };
  const { queues, errno } = readQueueTable();
  const owner = queues.find((line) => line.queue === queue);
  if (owner !== undefined) return { cause: "owner", owner };
  return { cause: errno === ERRNO.EACCES ? "hidden" : "namespace" };
}

/** Unknown (no /proc) counts as present, so that we never blame what we cannot see. */
function hasNetAdmin(): boolean {
  const line = readSystemFile("/proc/thread-self/status").text;
  const effective = line?.match(/^CapEff:\s*([0-9a-f]+)$/m)?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
