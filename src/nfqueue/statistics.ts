/**
 * The kernel's own numbers of every queue in this network namespace.
 *
 * @module
 */

import { ERRNO, SystemError } from "../linux/errno.ts";
import { EXHAUSTED, isExhausted } from "./advice.ts";
import { QUEUE_TABLE, type QueueStatistics, readQueueTable } from "./queue_table.ts";
import { checkU16 } from "../base/checks.ts";

export type { QueueStatistics };

/**
 * Every bound queue of this network namespace.
 *
 * @throws {SystemError} when the kernel has no queues, or hides the numbers from this user
 */
export function queueStatistics(): readonly QueueStatistics[];
/**
 * One queue; undefined when nobody has bound it.
 *
 * @throws {TypeError | RangeError} when the number is not 0…65535
 * @throws {SystemError} when the kernel has no queues, or hides the numbers from this user
 */
export function queueStatistics(queue: number): QueueStatistics | undefined;
export function queueStatistics(
  queue?: number,
): readonly QueueStatistics[] | QueueStatistics | undefined {
  if (queue !== undefined) checkU16("queue number", queue);
  const { queues, errno, mounted } = readQueueTable();
  if (errno !== 0) throw new SystemError("open", { errno, advice: adviseRead(errno, mounted) });
  return queue === undefined ? queues : findQueue(queues, queue);
}

/** One queue's numbers; undefined also where they cannot be read. */
export function tryQueueStatistics(queue: number): QueueStatistics | undefined {
  return findQueue(readQueueTable().queues, queue);
}

function findQueue(
  queues: readonly QueueStatistics[],
  queue: number,
): QueueStatistics | undefined {
  return queues.find((line) => line.queue === queue);
}

function adviseRead(errno: number, mounted: boolean): string {
  if (!mounted) return "There is no /proc here, so nobody can tell: mount -t proc proc /proc";
  if (isExhausted(errno)) return EXHAUSTED;
  if (errno !== ERRNO.EACCES) return `${QUEUE_TABLE} is absent: load nfnetlink_queue with modprobe`;
  return `${QUEUE_TABLE} may be read by root only; in a namespace that was entered with ` +
    "unshare -Urn it belongs to nobody: make the two one after the other, with " +
    "unshare -Ur unshare -n";
}
