/**
 * Who may have a queue and a family's packets, in libipq's errors and answers.
 *
 * @module
 */

import { ERRNO, type SystemError } from "../linux/errno.ts";
import { adviseFamily } from "../nfqueue/families.ts";
import { freeQueue } from "../nfqueue/queue_table.ts";
import { type Refusal, refusalOf } from "../nfqueue/refusal.ts";
import type { QueueSocket } from "../nfqueue/socket.ts";
import { NFPROTO_IPV6 } from "./constants.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";

/** Who binds: for the sentence about a queue that somebody has. */
export interface Binder {
  /** NFPROTO_IPV4 or NFPROTO_IPV6. */
  readonly family: number;
  /** Whether to tell on the console. */
  readonly warn: boolean;
}

/** The error of a socket that cannot be opened: code 3. */
export function notOpened({ errno }: SystemError): IpqError {
  const advice = ADVICE[errno];
  return new IpqError(IPQ_ERROR.SOCKET, { errno, ...(advice !== undefined && { advice }) });
}

/** @throws {IpqError} code 4 with EBUSY where the kernel's ip_queue has the family's packets */
export function checkFamily({ foreignFamilies }: QueueSocket, family: number): void {
  if (!foreignFamilies.includes(family)) return;
  throw new IpqError(IPQ_ERROR.BIND, {
    errno: ERRNO.EBUSY,
    advice: `${adviseFamily(family)}, or use the transport libipq`,
  });
}

/** Makes a socket the owner of its queue. */
export class Ownership {
  readonly #socket: QueueSocket;
  #warned = false;

  constructor(socket: QueueSocket) {
    this.#socket = socket;
  }

  /** @returns 0, or what ip_queue would answer: EPERM without the capability, EBUSY for an owner */
  take(binder: Binder): number {
    const errno = this.#socket.bind();
    if (errno !== ERRNO.EPERM && errno !== ERRNO.EBUSY) return errno;
    const { number } = this.#socket;
    const refusal = refusalOf(number);
    if (refusal.cause !== "owner" && refusal.cause !== "hidden") return ERRNO.EPERM;
    if (binder.warn && !this.#warned) console.warn("%s", adviseOwned(number, refusal, binder));
    this.#warned = true;
    return ERRNO.EBUSY;
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
