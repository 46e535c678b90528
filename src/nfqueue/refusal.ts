/**
 * Why the kernel refuses a queue: it answers EPERM both for a missing capability and for a queue that
 * has an owner.
 *
 * @module
 */

import { CAPABILITY, hasCapability } from "../linux/capabilities.ts";
import { hasPort } from "../linux/proc/netlink_ports.ts";
import { type QueueStatistics, readQueueTable } from "./queue_table.ts";

/** What stands in the way. */
export type Refusal =
  | { readonly cause: "capability" }
  /** `own`: by a socket of this process. */
  | { readonly cause: "owner"; readonly owner: QueueStatistics; readonly own: boolean }
  /** The capability is there; who owns what cannot be read: it is hidden, or there is no /proc. */
  | { readonly cause: "hidden"; readonly mounted: boolean }
  /** The capability is there, but for a user namespace that does not own this network namespace. */
  | { readonly cause: "namespace" };

/** Explains an EPERM (or EBUSY) on binding a queue. */
export function refusalOf(queue: number): Refusal {
  // Unknown counts as present, so that we never blame what we cannot see.
  if (hasCapability(CAPABILITY.NET_ADMIN) === false) return { cause: "capability" };
  const { queues, errno, mounted } = readQueueTable();
  const owner = queues.find((line) => line.queue === queue);
  if (owner !== undefined) return { cause: "owner", owner, own: hasPort(owner.portId) };
  return errno === 0 ? { cause: "namespace" } : { cause: "hidden", mounted };
}
