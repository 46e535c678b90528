/**
 * The netlink socket of a stand-in kernel's queue: datagrams that wait, and how many find room.
 *
 * @module
 */

import { setImmediate } from "../../ffi/turn.ts";
import { ERRNO, failedCall } from "../linux/errno.ts";
import type { KernelQueue, ReadableListener, Watcher } from "../nfqueue/kernel_queue.ts";
import type { QueueStatistics } from "../nfqueue/queue_table.ts";
import { ANSWER_ROOM } from "../nfqueue/receive_buffer.ts";
import type { StandInMessage, StandInSlots } from "./memory.ts";

/** About what the kernel needs for a datagram beside its bytes. */
const OVERHEAD = 768;
/** The kernel's least receive buffer. */
const LEAST_BUFFER = 2304;
/** A blocked thread looks around this often (ms). */
const LONGEST_BLOCK = 20;
/** Longest time a timer takes: keeps the event loop alive while a reader waits. */
const FOR_EVER = 0x7fffffff;

/** What a socket needs of its kernel. */
export interface SocketLink {
  /** Whether the program has CAP_NET_ADMIN. */
  readonly capable: () => boolean;
  /** Takes a datagram of the program, as nfnetlink_rcv. @returns 0, or the errno of the send */
  readonly take: (datagram: Uint8Array) => number;
  /** Called when the program blocks and nothing is there: packets may be sent meanwhile. */
  readonly blocked: (milliseconds: number) => void;
  readonly numbers: () => { statistics: QueueStatistics | undefined; errno: number };
  readonly changes: () => number;
  readonly closed: () => void;
}

/** How a socket is opened. */
export interface StandInSocketOptions {
  readonly portId: number;
  readonly receiveBuffer: number;
  readonly reportOverruns: boolean;
}

/** The owner's side of a queue. */
export class StandInSocket implements KernelQueue {
  readonly portId: number;
  readonly #link: SocketLink;
  #most: number;
  #reportOverruns: boolean;
  #datagrams: Uint8Array[] = [];
  /** The oldest one that waits. */
  #first = 0;
  #used = 0;
  #drops = 0;
  /** NETLINK_S_CONGESTED: after an overrun that is reported nothing is taken until all is read. */
  #congested = false;
  /** What the next receive fails with, once. */
  #error = 0;
  #closed = false;
  /** Calls the listener of an armed watcher. */
  #wake: (() => void) | undefined;

  constructor({ portId, receiveBuffer, reportOverruns }: StandInSocketOptions, link: SocketLink) {
    this.portId = portId;
    this.#most = Math.max(2 * receiveBuffer, LEAST_BUFFER);
    this.#reportOverruns = reportOverruns;
    this.#link = link;
  }

  /** A datagram of the kernel: netlink_attachskb. False when it found no room. */
  deliver(datagram: Uint8Array): boolean {
    if (this.#used > this.#most || this.#congested) {
      this.#drops = (this.#drops + 1) >>> 0;
      if (this.#reportOverruns && !this.#congested) {
        this.#congested = true;
        this.#fail(ERRNO.ENOBUFS);
      }
      return false;
    }
    this.#datagrams.push(datagram);
    this.#used += datagram.length + OVERHEAD;
    this.#wake?.();
    return true;
  }

  /** A signal: the next receive that blocks comes back with EINTR. */
  interrupt(): void {
    this.#fail(ERRNO.EINTR);
  }

  receive(memory: StandInSlots, first: number, most: number): number {
    if (this.#closed) return -ERRNO.EBADF;
    const error = this.#error;
    if (error === ERRNO.ENOBUFS) return this.#takeError();
    let count = 0;
    while (count < most && this.#first < this.#datagrams.length) {
      const datagram = this.#datagrams[this.#first++]!;
      this.#used -= datagram.length + OVERHEAD;
      memory.fill(first + count++, datagram);
    }
    if (this.#first === this.#datagrams.length) {
      this.#datagrams = [];
      this.#first = 0;
      this.#congested = false;
    }
    return count === 0 ? -ERRNO.EAGAIN : count;
  }

  receiveBlocking(memory: StandInSlots, first: number, most: number, milliseconds: number): number {
    for (let tries = 0;; tries++) {
      if (this.#error !== 0) return this.#takeError();
      const count = this.receive(memory, first, most);
      if (count !== -ERRNO.EAGAIN || tries > 0) return count;
      this.#link.blocked(milliseconds);
      if (this.#error === 0 && !this.#readable) sleep(Math.min(milliseconds, LONGEST_BLOCK));
    }
  }

  startBlocking(): () => void {
    return () => {};
  }

  watch(listener: ReadableListener): Watcher {
    let armed: ReturnType<typeof setTimeout> | undefined;
    const disarm = (): void => {
      clearTimeout(armed);
      armed = undefined;
      this.#wake = undefined;
    };
    const call = (): void => {
      if (armed === undefined) return;
      disarm();
      listener(undefined);
    };
    const wake = (): void => {
      this.#wake = undefined;
      setImmediate(call);
    };
    return {
      arm: () => {
        if (armed !== undefined || this.#closed) return;
        armed = setTimeout(() => {}, FOR_EVER);
        if (this.#readable) wake();
        else this.#wake = wake;
      },
      disarm,
      close: disarm,
    };
  }

  /** A verdict is also for a multicast group: sendmsg itself looks for the capability. */
  send({ bytes }: StandInMessage, length: number): boolean {
    if (!this.#closed && !this.#link.capable()) return false;
    this.#send(bytes.slice(0, length));
    return true;
  }

  sendInDoubt(message: StandInMessage, length: number): boolean {
    const most = this.#most;
    const reportOverruns = this.#reportOverruns;
    // SO_RCVBUFFORCE, which the capability allows, counts each byte as two.
    if (this.#link.capable()) this.#most += 2 * ANSWER_ROOM;
    this.#reportOverruns = false;
    // NETLINK_NO_ENOBUFS ends the congestion.
    this.#congested = false;
    try {
      return this.send(message, length);
    } finally {
      this.#most = most;
      this.#reportOverruns = reportOverruns;
    }
  }

  sendConfiguration(message: Uint8Array): void {
    this.#send(message);
  }

  drops(): number {
    return this.#drops;
  }

  numbers(): { readonly statistics: QueueStatistics | undefined; readonly errno: number } {
    return this.#link.numbers();
  }

  changes(): number {
    return this.#link.changes();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#datagrams = [];
    this.#first = 0;
    this.#link.closed();
  }

  get #readable(): boolean {
    return this.#error !== 0 || this.#first < this.#datagrams.length;
  }

  #send(datagram: Uint8Array): void {
    const errno = this.#closed ? ERRNO.EBADF : this.#link.take(datagram);
    if (errno !== 0) throw failedCall("sendmsg", errno);
  }

  #fail(errno: number): void {
    this.#error = errno;
    this.#wake?.();
  }

  #takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return -error;
  }
}

/** Blocks this thread. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
