/**
 * Receiving, which C programs do with `recv` and `poll` themselves.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { ERRNO, failedCall, prepareErrno, SystemError, threadErrno } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import { BlockingWait } from "../linux/readiness.ts";
import { setImmediate } from "../../ffi/turn.ts";
import type { Watcher } from "../../ffi/types.ts";
import { isShared } from "../base/bytes.ts";
import { checkObject } from "../base/objects.ts";
import { checkSignal } from "../base/checks.ts";
import { checkBytes } from "./guards/arguments.ts";
import { HandleClosedError } from "./guards/errors.ts";

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const LONGEST_WAIT = 0x7fffffff;
const SMALLEST_BUFFER = 256;
/** Takes everything that the kernel sends: a packet of 64 KiB and what comes with it. */
export const LARGEST_DATAGRAM = 0x12000;
/** Datagrams taken out of the way of a request, at most: a full socket holds fewer. */
const MOST_DRAINED = 100_000;
const NLMSG_ERROR = 2;
/** NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG */
const CONFIG_MESSAGE = 0x302;
/** Offsets in an NLMSG_ERROR: its type, the negative errno, the type of what it answers. */
const ANSWER = { type: 4, error: 16, request: 24 } as const;
const OVERRUN = "Packets were lost at the socket: enlarge it with nfnl_rcvbufsiz, and receive on";
/** Datagrams in a row after which timers and signals get their turn. */
const SLICE = 256;

/** How long to wait. */
export interface ReceiveOptions {
  /** Milliseconds, 0 or more; 0 does not wait. Default: for ever. */
  readonly timeout?: number | undefined;
}

/** What ends the waiting. */
export interface ReceiveAsyncOptions {
  /** Its abort. Default: nothing but the end of the handle. */
  readonly signal?: AbortSignal | undefined;
}

/** The socket that is read. */
interface Source {
  readonly descriptor: number;
  readonly closed: boolean;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Takes datagrams from a handle's socket. */
export class Receiver {
  readonly #source: Source;
  readonly #libc = libc();
  readonly #wait: BlockingWait;
  /** Taken from the socket before anybody asked. */
  readonly #backlog: Uint8Array[] = [];
  /** ENOBUFS that was met before anybody asked. */
  #overrun = false;
  #room: NativeMemory | undefined;
  #watcher: Watcher | undefined;
  #waiting: Waiting | undefined;
  #inARow = 0;

  constructor(source: Source) {
    prepareErrno();
    this.#source = source;
    this.#wait = new BlockingWait(source.descriptor);
  }

  /** Keeps a datagram for the next receive. */
  keep(datagram: Uint8Array): void {
    this.#backlog.push(datagram);
    // It is no longer in the socket, whose readiness is being waited for.
    this.#waiting?.resolve();
  }

  /** Keeps everything that is in the socket. */
  drain(): void {
    for (let count = 0; count < MOST_DRAINED; count++) {
      const datagram = this.#next();
      if (datagram === undefined) return;
      this.keep(datagram);
    }
  }

  /**
   * Takes the answer to a configuration message, which the kernel gave before the send returned, and
   * keeps what is before it.
   *
   * @returns 0 or the errno
   */
  takeAnswer(): number {
    for (;;) {
      const datagram = this.#next();
      // The answer found no room in the socket.
      if (datagram === undefined) return ERRNO.ENOBUFS;
      const view = new DataView(datagram.buffer);
      const isAnswer = view.getUint16(ANSWER.type, true) === NLMSG_ERROR &&
        view.getUint16(ANSWER.request, true) === CONFIG_MESSAGE;
      if (isAnswer) return -view.getInt32(ANSWER.error, true);
      this.keep(datagram);
    }
  }

  /** Blocks this thread. */
  receive(buffer: Uint8Array, options: ReceiveOptions): number | undefined {
    checkObject("options", options);
    const { timeout } = options;
    if (timeout !== undefined && !(typeof timeout === "number" && timeout >= 0)) {
      throw new RangeError(`timeout must be milliseconds from 0 on, got ${String(timeout)}`);
    }
    const wait = timeout === undefined || timeout > LONGEST_WAIT ? undefined : timeout * 1000;
    const length = this.#take(buffer);
    if (length !== undefined || wait === 0) return length;
    const ready = this.#wait.wait(wait);
    if (ready < 0 && ready !== -ERRNO.EINTR) throw failedCall("ppoll", -ready);
    return ready > 0 ? this.#take(buffer) : undefined;
  }

  /** Lets the program go on. */
  async receiveAsync(buffer: Uint8Array, options: ReceiveAsyncOptions): Promise<number> {
    checkBuffer(buffer);
    checkObject("options", options);
    const { signal } = options;
    checkSignal(signal);
    if (this.#waiting !== undefined) {
      throw new TypeError("receiveAsync is waiting already: one at a time");
    }
    for (;;) {
      signal?.throwIfAborted();
      const length = this.#take(buffer);
      if (length === undefined) {
        this.#inARow = 0;
        await this.#readable(signal);
      } else {
        if (++this.#inARow % SLICE === 0) {
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
        return length;
      }
    }
  }

  /** Before the socket is closed. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#backlog.length = 0;
    this.#waiting?.reject(new HandleClosedError("NfqHandle"));
    this.#waiting = undefined;
  }

  /**
   * The length of the next datagram, or undefined when there is none. What `given` is is looked at
   * each time: while this waits, the program can transfer or resize its buffer.
   */
  #take(given: Uint8Array): number | undefined {
    const buffer = checkBuffer(given);
    if (this.#source.closed) throw new HandleClosedError("NfqHandle");
    const kept = this.#backlog.shift();
    if (kept !== undefined) {
      if (kept.length > buffer.length) throw tooLong(kept.length);
      buffer.set(kept);
      return kept.length;
    }
    if (this.#overrun) {
      this.#overrun = false;
      throw notReceived(ERRNO.ENOBUFS);
    }
    const length = this.#receive(buffer);
    if (length < 0) throw notReceived(-length);
    if (length > buffer.length) throw tooLong(length);
    return length === 0 ? undefined : length;
  }

  /** A datagram of the socket's own; undefined when there is none. */
  #next(): Uint8Array<ArrayBuffer> | undefined {
    const { bytes } = this.#room ??= new NativeMemory(LARGEST_DATAGRAM);
    for (;;) {
      const length = this.#receive(bytes);
      if (length > 0) return bytes.slice(0, length);
      if (length !== -ERRNO.ENOBUFS) return undefined;
      // The next receive tells of it; what is in the socket is good.
      this.#overrun = true;
    }
  }

  /** The length of a datagram, 0 when there is none, or the negative errno. */
  #receive(buffer: Uint8Array<ArrayBuffer>): number {
    const size = BigInt(buffer.length);
    const flags = MSG_DONTWAIT | MSG_TRUNC;
    const length = this.#libc.recv(this.#source.descriptor, buffer, size, flags);
    if (length >= 0) return length;
    const errno = threadErrno();
    return errno === ERRNO.EAGAIN || errno === ERRNO.EINTR ? 0 : -errno;
  }

  async #readable(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      this.#watcher ??= backend().watch(this.#source.descriptor, (datagram) => {
        if (datagram === undefined) this.#waiting?.resolve();
        else this.keep(datagram.slice());
      });
      this.#watcher.arm();
      await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#waiting = undefined;
      this.#watcher?.disarm();
    }
  }
}

function checkBuffer(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = checkBytes("buffer", buffer, { min: SMALLEST_BUFFER, max: 0x7fffffff });
  if (isShared(bytes)) throw new TypeError("buffer must not be shared between threads");
  return bytes as Uint8Array<ArrayBuffer>;
}

function tooLong(length: number): SystemError {
  return new SystemError("recv", {
    errno: ERRNO.EMSGSIZE,
    advice: `A message of ${length} bytes did not fit the buffer and is lost: use a larger one`,
  });
}

function notReceived(errno: number): SystemError {
  return failedCall("recv", errno, errno === ERRNO.ENOBUFS ? OVERRUN : undefined);
}
