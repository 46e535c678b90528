/**
 * The kernel's own numbers of every queue in this network namespace.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../ffi/errno.ts";
import { readSystemFile, type SystemFile } from "../../ffi/files.ts";
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

const PATH = "/proc/net/netfilter/nfnetlink_queue";
/** The thread's own view: a thread may have entered another network namespace. */
const OWN_PATH = "/proc/thread-self/net/netfilter/nfnetlink_queue";

/**
 * Every bound queue of this network namespace.
 *
 * @throws {SystemError} when the kernel has no queues, or hides the numbers from this user
 */
export function queueStatistics(): QueueStatistics[];
/**
 * One queue; undefined when nobody has bound it.
 *
 * @throws {TypeError | RangeError} when the number is not 0…65535
 * @throws {SystemError} when the kernel has no queues, or hides the numbers from this user
 */
export function queueStatistics(queue: number): QueueStatistics | undefined;
export function queueStatistics(queue?: number): QueueStatistics[] | QueueStatistics | undefined {
  if (queue !== undefined) checkInteger("queue number", queue, { min: 0, max: 0xffff });
  const { text, errno } = readStatistics();
  if (text === undefined) throw new SystemError("open", { errno, advice: adviseRead(errno) });
  const all = parseStatistics(text);
  return queue === undefined ? all : all.find((statistics) => statistics.queue === queue);
}

/** One queue's numbers; undefined also where they cannot be read. */
export function tryQueueStatistics(queue: number): QueueStatistics | undefined {
  return parseStatistics(readStatistics().text ?? "").find((line) => line.queue === queue);
}

/** 0 where the numbers can be read, else the errno: ENOENT where the kernel has no queues. */
export function statisticsErrno(): number {
  return readStatistics().errno;
}

function readStatistics(): SystemFile {
  const own = readSystemFile(OWN_PATH);
  return own.errno === ERRNO.ENOENT ? readSystemFile(PATH) : own;
}

function adviseRead(errno: number): string {
  if (errno !== ERRNO.EACCES) return `${PATH} is absent: load nfnetlink_queue with modprobe`;
  return `${PATH} may be read by root only; in a namespace that was entered with unshare -Urn it ` +
    "belongs to nobody: make the two one after the other, with unshare -Ur unshare -n";
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
