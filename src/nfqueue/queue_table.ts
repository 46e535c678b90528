/**
 * /proc/net/netfilter/nfnetlink_queue: every bound queue of this network namespace.
 *
 * @module
 */

import { disposing } from "../base/disposing.ts";
import { ERRNO } from "../linux/errno.ts";
import { OpenFile, readSystemFile } from "../linux/files.ts";

/** One line of the table. */
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

/** The table, or why it cannot be read. */
export interface QueueTable {
  readonly queues: readonly QueueStatistics[];
  /** 0, or the errno: ENOENT where the kernel has no queues, EACCES where it hides them. */
  readonly errno: number;
  /** Whether there is a /proc at all. */
  readonly mounted: boolean;
}

/** Where the table is. */
export const QUEUE_TABLE = "/proc/net/netfilter/nfnetlink_queue";
/** The thread's own view: a thread may have entered another network namespace. */
const OWN_QUEUE_TABLE = "/proc/thread-self/net/netfilter/nfnetlink_queue";

/** Queue numbers have 16 bits. */
const QUEUES = 0x10000;

/** What every /proc has. */
const ANY_FILE = "/proc/stat";

/** Reads the table. */
export function readQueueTable(): QueueTable {
  return disposing(new OpenQueueTable(), (table) => table.read());
}

/** The table, kept open: it can be read when no descriptor is left. */
export class OpenQueueTable implements Disposable {
  readonly #file: OpenFile;

  constructor() {
    const own = new OpenFile(OWN_QUEUE_TABLE);
    this.#file = own.errno === ERRNO.ENOENT ? new OpenFile(QUEUE_TABLE) : own;
  }

  read(): QueueTable {
    const { text, errno } = this.#file.read();
    const mounted = errno !== ERRNO.ENOENT || readSystemFile(ANY_FILE).errno === 0;
    return { queues: parse(text ?? ""), errno, mounted };
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** The next number without an owner that can be seen. */
export function freeQueue(after: number): number {
  const owned = new Set(readQueueTable().queues.map(({ queue }) => queue));
  let number = after;
  do number = (number + 1) % QUEUES; while (owned.has(number) && number !== after);
  return number;
}

function parse(text: string): QueueStatistics[] {
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
