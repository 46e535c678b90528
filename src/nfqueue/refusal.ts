/**
 * Why the kernel refuses a queue: it answers EPERM both for a missing capability and for a queue that
 * has an owner.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { hasPort } from "../linux/netlink_ports.ts";
import { type QueueStatistics, readQueueTable } from "./queue_table.ts";

/** struct __user_cap_header_struct: version, pid (0: this thread); version 3 has two data blocks. */
const CAPABILITY_VERSION_3 = 0x20080522;
/** struct __user_cap_data_struct: effective, permitted, inheritable, 32 bits each, twice. */
const CAPABILITY_DATA_SIZE = 24;
const CAP_NET_ADMIN = 12;

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
  if (!hasNetAdmin()) return { cause: "capability" };
  const { queues, errno, mounted } = readQueueTable();
  const owner = queues.find((line) => line.queue === queue);
  if (owner !== undefined) return { cause: "owner", owner, own: hasPort(owner.portId) };
  return errno === 0 ? { cause: "namespace" } : { cause: "hidden", mounted };
}

/** Unknown counts as present, so that we never blame what we cannot see. */
function hasNetAdmin(): boolean {
  const header = new DataView(new ArrayBuffer(8));
  header.setUint32(0, CAPABILITY_VERSION_3, true);
  const data = new DataView(new ArrayBuffer(CAPABILITY_DATA_SIZE));
  const bytes = ({ buffer }: DataView<ArrayBuffer>) => new Uint8Array(buffer);
  if (libc().capget(bytes(header), bytes(data)) < 0) return true;
  return (data.getUint32(0, true) >> CAP_NET_ADMIN & 1) === 1;
}
