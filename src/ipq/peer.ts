/**
 * One process is one peer of ip_queue: it has one handle for a protocol, in whichever of its threads.
 *
 * @module
 */

import { ERRNO } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { giveName, takeName } from "../linux/names.ts";
import { NFPROTO_IPV6 } from "./constants.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";

/** The port that libipq binds: the process id, once for a protocol (over NFQUEUE: and queue). */
export class Peer {
  #name: number;

  /** @throws {IpqError} code 4 with EADDRINUSE when another handle of this process has it */
  constructor(protocol: number, queue: number) {
    const family = protocol === NFPROTO_IPV6 ? "ipv6" : "ipv4";
    this.#name = takeName(`nfqueue/ipq/${libc().getpid()}/${family}/${queue}`);
    if (this.#name === -ERRNO.EADDRINUSE) throw inUse();
    // Where no name can be had at all, threads find out by the queue's own EBUSY.
  }

  /** Idempotent. */
  release(): void {
    if (this.#name >= 0) giveName(this.#name);
    this.#name = -1;
  }
}

/** The error of a second handle. */
export function inUse(): IpqError {
  return new IpqError(IPQ_ERROR.BIND, {
    errno: ERRNO.EADDRINUSE,
    advice: "This process has a handle for that protocol already: destroy it first. " +
      "One of a worker that was terminated stays until the process ends",
  });
}
