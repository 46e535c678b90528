/**
 * The kernel's own numbers of every queue in this network namespace.
 *
 * @module
 */

import { readSystemFile } from "../../ffi/files.ts";
import { checkInteger } from "./options.ts";

/** One line of /proc/net/netfilter/nfnetlink_queue. */
export interface QueueStatistics {
  /** The queue's number. */
  readonly queue: number;
  /** Netlink port of the socket that owns it; often the process id. */
  readonly portId: number;
  /** Packets that wait for a verdict. */
  readonly length: number;
  /** 0 none, 1 metadata, 2 packet. */
  readonly copyMode: number;
  /** Bytes of each packet that are copied. */
  readonly copyRange: number;
  /** Packets dropped because the queue was full, since it was bound. */
  readonly queueDropped: number;
  /** Packets dropped because the socket's receive buffer was full. */
  readonly userDropped: number;
  /** Id of the last packet queued. */
  readonly idSequence: number;
}

/** The thread's own view: a thread may have entered another network namespace. */
const PATHS = [
  "/proc/thread-self/net/netfilter/nfnetlink_queue",
  "/proc/net/netfilter/nfnetlink_queue",
];

/** Every bound queue of this network namespace. */
export function queueStatistics(): QueueStatistics[];
/**
 * One queue; undefined when nobody has bound it.
 *
 * @throws {TypeError | RangeError} when the number is not 0…65535
 */
export function queueStatistics(queue: number): QueueStatistics | undefined;
export function queueStatistics(queue?: number): QueueStatistics[] | QueueStatistics | undefined {
  if (queue !== undefined) checkInteger("queue number", queue, { min: 0, max: 0xffff });
  const all = parseStatistics(readStatistics() ?? "");
  return queue === undefined ? all : all.find((statistics) => statistics.queue === queue);
}

/** Whether this kernel has packet queues at all (and /proc to show them). */
export function kernelHasQueues(): boolean {
  return readStatistics() !== undefined;
}

function readStatistics(): string | undefined {
  for (const path of PATHS) {
    const text = readSystemFile(path);
    if (text !== undefined) return text;
  }
  return undefined;
}

function parseStatistics(text: string): QueueStatistics[] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const columns = line.trim().split(/\s+/).map(Number);
    const [
      queue = 0,
      portId = 0,
      length = 0,
      copyMode = 0,
      copyRange = 0,
      queueDropped = 0,
      userDropped = 0,
      idSequence = 0,
    ] = columns;
    // The kernel prints the port as a signed number.
    return {
      queue,
      portId: portId >>> 0,
      length,
      copyMode,
      copyRange,
      queueDropped,
      userDropped,
      idSequence,
    };
  });
}
