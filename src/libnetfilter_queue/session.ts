/**
 * The C side of one `NfqHandle`: calls in which C calls back or reads from the socket, and what has to
 * wait until they are over.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { ERRNO, prepareErrno, threadErrno } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";
import { HandleClosedError } from "./guards/errors.ts";
import { isWellFramed } from "./guards/framing.ts";
import { Receiver } from "./receiver.ts";

/** Ends `nfnl_handle_packet`. */
const STOP = -1;
/** Ends `nfnl_catch`, which C's requests wait in. */
const NFNL_CB_STOP = 0;
const SMALLEST_INBOX = 4096;
/** Readable zeros behind a message. */
const SLACK = 64;
/** The longest payload that an attribute's 16-bit length can tell. */
export const MAX_PAYLOAD = 0xffff - 4;
const NLMSG_HEADER_SIZE = 16;

/** One open `struct nfq_handle` and the calls on it that may call back. */
export class Session {
  readonly descriptor: number;
  readonly #pointer: Pointer;
  /** Takes what C would take from the socket while it waits for an answer. */
  readonly receiver: Receiver;
  /** One message per `nfq_handle_packet` under way: a callback may hand in another. */
  readonly #inboxes: NativeMemory[] = [];
  #outbox: NativeMemory | undefined;
  /** Calls of `nfq_handle_packet` under way. */
  #depth = 0;
  #thrown: { readonly error: unknown } | undefined;
  readonly #deferred: (() => void)[] = [];
  /** C waits for an answer of the kernel. */
  #requesting = false;
  /** It has met a packet instead, and given up. */
  #interrupted = false;
  #closed = false;

  constructor(pointer: Pointer, descriptor: number) {
    prepareErrno();
    this.#pointer = pointer;
    this.descriptor = descriptor;
    this.receiver = new Receiver(this);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The C handle. @throws {HandleClosedError} */
  get pointer(): Pointer {
    if (this.#closed) throw new HandleClosedError("NfqHandle");
    return this.#pointer;
  }

  /** From now on every use fails; `free` frees the C handle once no call is under way. */
  close(free: (pointer: Pointer) => void): void {
    this.#closed = true;
    this.whenIdle(() => free(this.#pointer));
  }

  /** Does it now, or when C has returned from the outermost call: freeing must not pull C's rug. */
  whenIdle(work: () => void): void {
    if (this.#depth === 0) work();
    else this.#deferred.push(work);
  }

  /**
   * A call that sends a request and waits for the kernel's answer, on the socket that packets come
   * by. C would hand packets that come before it to their callbacks, and with the first one give up
   * waiting; so what is in the socket is taken out first, and what comes all the same is kept too.
   *
   * @returns 0 or the errno
   */
  request(call: () => number): number {
    this.receiver.drain();
    this.#requesting = true;
    this.#interrupted = false;
    let errno = 0;
    try {
      if (call() < 0) errno = threadErrno() || ERRNO.EINVAL;
    } finally {
      this.#requesting = false;
    }
    return this.#interrupted ? this.receiver.takeAnswer() : errno;
  }

  /**
   * Runs `nfq_handle_packet` over a copy of well-formed messages; what a callback throws ends it and
   * goes on to the caller.
   */
  handle(bytes: Uint8Array, call: (pointer: Pointer, message: Pointer) => number): number {
    const pointer = this.pointer;
    const inbox = this.#inbox(bytes.length + SLACK);
    inbox.bytes.set(bytes);
    inbox.bytes.fill(0, bytes.length, bytes.length + SLACK);
    if (!isWellFramed(inbox.bytes.subarray(0, bytes.length))) return STOP;
    const outer = this.#thrown;
    this.#thrown = undefined;
    this.#depth++;
    let result = STOP;
    let thrown: { readonly error: unknown } | undefined;
    try {
      result = call(pointer, inbox.pointer);
    } finally {
      thrown = this.#thrown;
      this.#thrown = outer;
      this.#depth--;
    }
    if (this.#depth === 0) {
      const settled = this.#settle();
      thrown ??= settled;
    }
    if (thrown !== undefined) throw thrown.error;
    return result;
  }

  /** A callback for C; `message` is its `struct nfgenmsg`. Gives what C shall get. */
  callBack(message: Pointer, call: () => number): number {
    if (this.#requesting) {
      this.#interrupted = true;
      this.#keep(message);
      return NFNL_CB_STOP;
    }
    // A handle closed by an earlier callback hears no more.
    if (this.#closed) return STOP;
    try {
      return call();
    } catch (error) {
      this.#thrown ??= { error };
      return STOP;
    }
  }

  /** A copy that may be read up to the next multiple of 4, as C does. */
  stage(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const { bytes } = this.#outbox ??= new NativeMemory(MAX_PAYLOAD + 1);
    bytes.set(payload);
    bytes.fill(0, payload.length, (payload.length + 3) & ~3);
    return bytes;
  }

  /** Does what had to wait; gives the first error. */
  #settle(): { readonly error: unknown } | undefined {
    let thrown: { readonly error: unknown } | undefined;
    for (let work; (work = this.#deferred.shift()) !== undefined;) {
      try {
        work();
      } catch (error) {
        thrown ??= { error };
      }
    }
    return thrown;
  }

  /** Copies a packet's message out of C's memory for the next receive. */
  #keep(message: Pointer): void {
    const { memcpy } = libc();
    const start = backend().offset(message, -NLMSG_HEADER_SIZE);
    const header = new Uint8Array(new ArrayBuffer(NLMSG_HEADER_SIZE));
    memcpy(header, start, BigInt(NLMSG_HEADER_SIZE));
    const length = new DataView(header.buffer).getUint32(0, true);
    const bytes = new Uint8Array(new ArrayBuffer(length));
    memcpy(bytes, start, BigInt(length));
    this.receiver.keep(bytes);
  }

  /** Grown to a power of two, so that few are made. */
  #inbox(size: number): NativeMemory {
    const inbox = this.#inboxes[this.#depth];
    if (inbox !== undefined && inbox.bytes.length >= size) return inbox;
    let capacity = SMALLEST_INBOX;
    while (capacity < size) capacity *= 2;
    return this.#inboxes[this.#depth] = new NativeMemory(capacity);
  }
}
