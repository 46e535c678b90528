/**
 * The library's handle of one queue: opened at once, bound when a mode is set.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "../linux/errno.ts";
import { adviseFamily, bindFamilies, FAMILY } from "../nfqueue/families.ts";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import { readQueueTable } from "../nfqueue/queue_table.ts";
import { type Refusal, refusalOf } from "../nfqueue/refusal.ts";
import type { Pointer } from "../../ffi/types.ts";
import { NFPROTO_IPV6 } from "./constants.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";

/** Queue numbers have 16 bits. */
const QUEUES = 0x10000;

/** Who binds: for the sentence about a queue that somebody has. */
export interface Binder {
  /** NFPROTO_IPV4 or NFPROTO_IPV6. */
  readonly family: number;
  /** Whether to tell on the console. */
  readonly warn: boolean;
}

/** At most one queue on one socket. */
export class QueueBinding {
  readonly number: number;
  readonly descriptor: number;
  readonly #handle: Pointer;
  readonly #foreignFamilies: readonly number[];
  #queueHandle: Pointer | undefined;
  #warned = false;

  /** @throws {IpqError} code 3 {@link LibraryLoadError} */
  constructor(number: number) {
    prepareErrno();
    const nfq = libnetfilterQueue();
    const handle = nfq.nfq_open();
    if (handle === null) {
      const errno = threadErrno();
      const advice = ADVICE[errno];
      throw new IpqError(IPQ_ERROR.SOCKET, { errno, ...(advice !== undefined && { advice }) });
    }
    this.number = number;
    this.#handle = handle;
    this.descriptor = nfq.nfq_fd(handle);
    this.#foreignFamilies = bindFamilies(handle, [FAMILY.IPV4, FAMILY.IPV6]);
  }

  /** Whether the queue is ours. */
  get bound(): boolean {
    return this.#queueHandle !== undefined;
  }

  /** @throws {IpqError} code 4 with EBUSY where the kernel's ip_queue has the family's packets */
  checkFamily(family: number): void {
    if (!this.#foreignFamilies.includes(family)) return;
    throw new IpqError(IPQ_ERROR.BIND, {
      errno: ERRNO.EBUSY,
      advice: `${adviseFamily(family)}, or use the transport libipq`,
    });
  }

  /**
   * Makes this socket the queue's owner.
   *
   * @returns 0, or what ip_queue would answer: EPERM without the capability, EBUSY for an owner
   */
  bind(binder: Binder): number {
    const { nfq_create_queue } = libnetfilterQueue();
    const queueHandle = nfq_create_queue(this.#handle, this.number, null, null);
    if (queueHandle !== null) {
      this.#queueHandle = queueHandle;
      return 0;
    }
    const errno = threadErrno();
    if (errno !== ERRNO.EPERM && errno !== ERRNO.EBUSY) return errno;
    const refusal = refusalOf(this.number);
    if (refusal.cause !== "owner" && refusal.cause !== "hidden") return ERRNO.EPERM;
    if (binder.warn && !this.#warned) console.warn("%s", adviseOwned(this.number, refusal, binder));
    this.#warned = true;
    return ERRNO.EBUSY;
  }

  /** Unbinds, for which the socket must be empty, and closes. */
  close(): void {
    const nfq = libnetfilterQueue();
    if (this.#queueHandle !== undefined) nfq.nfq_destroy_queue(this.#queueHandle);
    this.#queueHandle = undefined;
    nfq.nfq_close(this.#handle);
  }
}

/** Sentences for those that have one. */
const ADVICE: Readonly<Record<number, string>> = {
  [ERRNO.EMFILE]: "Close some files or raise the limit with ulimit -n",
  [ERRNO.ENFILE]: "The system's limit of open files is reached: close some (sysctl fs.file-max)",
  [ERRNO.EPROTONOSUPPORT]:
    "This kernel has no nfnetlink_queue: load it with modprobe nfnetlink_queue",
};

/** The answer EBUSY is a number only; whoever comes from ip_queue does not expect it. */
function adviseOwned(queue: number, refusal: Refusal, { family }: Binder): string {
  const owner = refusal.cause === "owner"
    ? `queue ${queue} has an owner, netlink port ${refusal.owner.portId}`
    : `most likely queue ${queue} has an owner`;
  const free = freeQueue(queue);
  const command = family === NFPROTO_IPV6 ? "ip6tables" : "iptables";
  return `ipq: ${owner}: another program, or another thread of this one. This handle is answered ` +
    "EBUSY and gets no packets. Unlike ip_queue, NFQUEUE has no queue of its own for IPv4 and for " +
    `IPv6: use another number, { queue: ${free} } as the last argument of the handle's creation, ` +
    `and rules of your own, ${command} … -j NFQUEUE --queue-num ${free}`;
}

/** The next number without an owner that can be seen. */
function freeQueue(after: number): number {
  const owned = new Set(readQueueTable().queues.map(({ queue }) => queue));
  let number = after;
  do number = (number + 1) % QUEUES; while (owned.has(number) && number !== after);
  return number;
}
