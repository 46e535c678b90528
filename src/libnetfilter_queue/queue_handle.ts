/**
 * `struct nfq_q_handle`: one queue of an `NfqHandle`.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { ERRNO, failedCall, threadErrno } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import {
  libnetfilterQueueMessages,
  nfqCallback,
} from "../../ffi/libraries/libnetfilter_queue_messages.ts";
import type { NativeCallback, Pointer } from "../../ffi/types.ts";
import { checkInteger, checkU32 } from "../base/checks.ts";
import { checkBytes } from "./guards/arguments.ts";
import { LEND, NfqData } from "./data.ts";
import { HandleClosedError } from "./guards/errors.ts";
import { MAX_PAYLOAD, type Session } from "./session.ts";

const NFGENMSG_SIZE = 4;

/** What says where a packet comes from: `struct nfgenmsg`. */
export interface NfGenMessage {
  /** `nfgen_family`: NFPROTO_*, 2 for IPv4, 10 for IPv6, 7 for bridges. */
  readonly family: number;
  /** `version`: 0. */
  readonly version: number;
  /** `res_id`: the queue's number, in host order. */
  readonly resourceId: number;
}

/**
 * Called for every packet, as C's `nfq_callback`: with its queue, where it comes from, and what came
 * with it, which is good only during the call.
 *
 * What it returns is C's result: nothing, 0 or more goes on, a negative number ends
 * `nfq_handle_packet`, which then returns -1. What it throws ends it too and reaches its caller.
 */
export type NfqCallback = (
  queue: NfqQueueHandle,
  message: NfGenMessage,
  data: NfqData,
) => number | void;

/** @ignore How a queue is made. */
export interface Creation {
  readonly session: Session;
  readonly handle: Pointer;
  readonly number: number;
  readonly callback: NfqCallback | null;
  /** Takes a callback that C may know until the handle is closed. */
  readonly orphaned: (callback: NativeCallback) => void;
  /** Hears that C has let the queue go. */
  readonly gone: (queue: NfqQueueHandle) => void;
}

export const CREATE: unique symbol = Symbol("create");
export const ABANDON: unique symbol = Symbol("abandon");

/**
 * One queue (libnetfilter_queue.h). Made by `NfqHandle.nfq_create_queue`; closed by
 * `nfq_destroy_queue`, `using`, or together with its `NfqHandle`. Every use after that throws
 * `HandleClosedError`.
 *
 * @throws {HandleClosedError} once it is closed
 */
export class NfqQueueHandle implements Disposable {
  /** The queue's number, 0 to 65535. */
  readonly number: number;
  readonly #creation: Creation;
  readonly #callback: NativeCallback;
  #pointer: Pointer | null = null;
  readonly #header = new Uint8Array(new ArrayBuffer(NFGENMSG_SIZE));
  #closed = false;
  /** C has freed the queue. */
  #freed = false;

  /** @ignore Binds a queue. */
  static [CREATE](creation: Creation): NfqQueueHandle {
    return new NfqQueueHandle(creation);
  }

  /**
   * @ignore Lets C free a queue whatever the kernel says; `free` frees its callback, when the handle is
   * closed.
   */
  [ABANDON](): { readonly free: () => void } {
    this.#closed = true;
    try {
      this.#destroy();
    } catch {
      // The socket goes next, and the kernel's queue with it.
    }
    return { free: () => this.#callback.close() };
  }

  private constructor(creation: Creation) {
    const { session, handle, number } = creation;
    this.number = number;
    this.#creation = creation;
    this.#callback = backend().callback(
      nfqCallback,
      (_queue, message, data) => session.callBack(message!, () => this.#called(message!, data!)),
    );
    const { nfq_create_queue } = libnetfilterQueue();
    const errno = session.request(() => {
      this.#pointer = nfq_create_queue(handle, number, this.#callback.pointer, null);
      return this.#pointer === null ? -1 : 0;
    });
    if (errno === 0) return;
    // Where a packet came before the refusal, C believes in the queue until the handle is closed.
    if (this.#pointer === null) this.#callback.close();
    else creation.orphaned(this.#callback);
    throw failedCall("nfq_create_queue", errno, adviseBind(errno, number));
  }

  /** Whether it, or its `NfqHandle`, is closed. */
  get closed(): boolean {
    return this.#closed || this.#creation.session.closed;
  }

  /**
   * Unbinds the queue: `int nfq_destroy_queue(struct nfq_q_handle *qh)`. The kernel drops what waits
   * in it. Idempotent.
   *
   * @remarks Allowed inside a callback, where C would free what it still uses: it takes effect when the
   * outermost `nfq_handle_packet` returns; the callbacks of this queue end at once.
   * @throws {SystemError} when the kernel refuses; the queue then ends with its `NfqHandle`
   */
  nfq_destroy_queue(): void {
    if (this.closed) return;
    this.#closed = true;
    this.#creation.session.whenIdle(() => {
      this.#destroy();
      this.#callback.close();
      this.#creation.gone(this);
    });
  }

  /** Unbinds the queue, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.nfq_destroy_queue();
  }

  /**
   * What the kernel delivers: `int nfq_set_mode(struct nfq_q_handle *qh, uint8_t mode, unsigned int len)`.
   * Before its first call the kernel delivers nothing.
   *
   * @param mode `NFQNL_COPY_NONE`, `NFQNL_COPY_META` or `NFQNL_COPY_PACKET`
   * @param range bytes of each packet to copy, 0 to 0xffffffff; 0 and all above 65531 mean 65531
   * @throws {SystemError}
   */
  nfq_set_mode(mode: number, range: number): void {
    const pointer = this.#open;
    checkInteger("mode", mode, 0, 2);
    checkU32("range", range);
    const { nfq_set_mode } = libnetfilterQueue();
    this.#configure("nfq_set_mode", () => nfq_set_mode(pointer, mode, range));
  }

  /**
   * Turns flags on and off:
   * `int nfq_set_queue_flags(struct nfq_q_handle *qh, uint32_t mask, uint32_t flags)`.
   *
   * @param mask the flags to change, a sum of `NFQA_CFG_F_*`
   * @param flags their new values
   * @throws {SystemError} when the kernel does not know a flag
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.2
   */
  nfq_set_queue_flags(mask: number, flags: number): void {
    const pointer = this.#open;
    checkU32("mask", mask);
    checkU32("flags", flags);
    const { nfq_set_queue_flags } = libnetfilterQueue();
    this.#configure("nfq_set_queue_flags", () => nfq_set_queue_flags(pointer, mask, flags));
  }

  /**
   * How many packets may wait: `int nfq_set_queue_maxlen(struct nfq_q_handle *qh, uint32_t queuelen)`.
   *
   * @param length packets, 0 to 0xffffffff; the kernel's default is 1024
   * @throws {SystemError}
   */
  nfq_set_queue_maxlen(length: number): void {
    const pointer = this.#open;
    checkU32("length", length);
    const { nfq_set_queue_maxlen } = libnetfilterQueue();
    this.#configure("nfq_set_queue_maxlen", () => nfq_set_queue_maxlen(pointer, length));
  }

  /**
   * Decides about a packet: `int nfq_set_verdict(struct nfq_q_handle *qh, uint32_t id,
   * uint32_t verdict, uint32_t data_len, const unsigned char *buf)`.
   *
   * The kernel tells of an id that does not wait only in a later datagram, for which
   * `nfq_handle_packet` gives -1.
   *
   * @param id the packet's id
   * @param verdict `NF_ACCEPT`, `NF_DROP`, …
   * @param payload what replaces the packet, from its network header on, 65531 bytes at most, with
   * checksums already right; left out or empty the packet stays as it is
   * @returns bytes sent to the kernel, never negative
   * @throws {SystemError}
   * @remarks A payload that no attribute can hold is refused; C would cut its length to 16 bits.
   */
  nfq_set_verdict(id: number, verdict: number, payload?: Uint8Array): number {
    const { pointer, length, data } = this.#verdict(id, verdict, payload);
    const { nfq_set_verdict } = libnetfilterQueueMessages();
    const sent = nfq_set_verdict(pointer, id, verdict, length, data);
    if (sent < 0) throw failedCall("nfq_set_verdict", threadErrno());
    return sent;
  }

  /**
   * As `nfq_set_verdict`, and marks the packet: `int nfq_set_verdict2(struct nfq_q_handle *qh,
   * uint32_t id, uint32_t verdict, uint32_t mark, uint32_t datalen, const unsigned char *buf)`.
   *
   * @param mark in host order, 0 to 0xffffffff
   * @returns as `nfq_set_verdict`
   * @throws {SystemError}
   */
  nfq_set_verdict2(id: number, verdict: number, mark: number, payload?: Uint8Array): number {
    const { pointer, length, data } = this.#verdict(id, verdict, payload);
    checkU32("mark", mark);
    const { nfq_set_verdict2 } = libnetfilterQueueMessages();
    const sent = nfq_set_verdict2(pointer, id, verdict, mark, length, data);
    if (sent < 0) throw failedCall("nfq_set_verdict2", threadErrno());
    return sent;
  }

  /**
   * As `nfq_set_verdict2`, but the mark is in network order, which C deprecates:
   * `int nfq_set_verdict_mark(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict, uint32_t mark,
   * uint32_t datalen, const unsigned char *buf)`.
   *
   * @param mark in network order: what `htonl` gives
   * @returns as `nfq_set_verdict`
   * @throws {SystemError}
   * @deprecated use `nfq_set_verdict2`
   */
  nfq_set_verdict_mark(id: number, verdict: number, mark: number, payload?: Uint8Array): number {
    const { pointer, length, data } = this.#verdict(id, verdict, payload);
    checkU32("mark", mark);
    const { nfq_set_verdict_mark } = libnetfilterQueueMessages();
    const sent = nfq_set_verdict_mark(pointer, id, verdict, mark, length, data);
    if (sent < 0) throw failedCall("nfq_set_verdict_mark", threadErrno());
    return sent;
  }

  /**
   * Decides about every packet up to an id:
   * `int nfq_set_verdict_batch(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict)`.
   *
   * @returns bytes sent to the kernel, never negative
   * @throws {SystemError}
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.1
   */
  nfq_set_verdict_batch(id: number, verdict: number): number {
    const { pointer } = this.#verdict(id, verdict);
    const sent = libnetfilterQueueMessages().nfq_set_verdict_batch(pointer, id, verdict);
    if (sent < 0) throw failedCall("nfq_set_verdict_batch", threadErrno());
    return sent;
  }

  /**
   * As `nfq_set_verdict_batch`, and marks the packets:
   * `int nfq_set_verdict_batch2(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict, uint32_t mark)`.
   *
   * @param mark in host order, 0 to 0xffffffff
   * @returns as `nfq_set_verdict`
   * @throws {SystemError}
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.1
   */
  nfq_set_verdict_batch2(id: number, verdict: number, mark: number): number {
    const { pointer } = this.#verdict(id, verdict);
    checkU32("mark", mark);
    const sent = libnetfilterQueueMessages().nfq_set_verdict_batch2(pointer, id, verdict, mark);
    if (sent < 0) throw failedCall("nfq_set_verdict_batch2", threadErrno());
    return sent;
  }

  get #open(): Pointer {
    if (this.closed) throw new HandleClosedError(`queue ${this.number}`);
    return this.#pointer!;
  }

  /** Everything that a verdict needs checked before C sees it. */
  #verdict(id: number, verdict: number, payload?: Uint8Array): {
    readonly pointer: Pointer;
    readonly length: number;
    readonly data: Uint8Array<ArrayBuffer>;
  } {
    const pointer = this.#open;
    checkU32("id", id);
    checkU32("verdict", verdict);
    if (payload === undefined) return { pointer, length: 0, data: this.#header };
    const given = checkBytes("payload", payload, { max: MAX_PAYLOAD });
    return { pointer, length: given.length, data: this.#creation.session.stage(given) };
  }

  #configure(syscall: string, call: () => number): void {
    const errno = this.#creation.session.request(call);
    if (errno !== 0) throw failedCall(syscall, errno);
  }

  #destroy(): void {
    if (this.#freed) return;
    const { nfq_destroy_queue } = libnetfilterQueue();
    this.#configure("nfq_destroy_queue", () => {
      const result = nfq_destroy_queue(this.#pointer);
      this.#freed = result === 0;
      return result;
    });
  }

  /** C's call: both pointers are good until it returns. */
  #called(message: Pointer, pointer: Pointer): number {
    if (this.closed) return 0;
    const { callback } = this.#creation;
    if (callback === null) return -1;
    libc().memcpy(this.#header, message, BigInt(NFGENMSG_SIZE));
    const [family = 0, version = 0, high = 0, low = 0] = this.#header;
    const { data, end } = NfqData[LEND](pointer);
    try {
      const result: unknown = callback(
        this,
        { family, version, resourceId: high << 8 | low },
        data,
      );
      if (result === undefined) return 0;
      if (typeof result === "number" && Number.isInteger(result)) return result < 0 ? -1 : 0;
      const kind = result instanceof Promise ? "a promise" : `${typeof result} ${String(result)}`;
      throw new TypeError(`a callback must return an integer or nothing, got ${kind}`);
    } finally {
      end();
    }
  }
}

function adviseBind(errno: number, number: number): string | undefined {
  if (errno !== ERRNO.EPERM && errno !== ERRNO.EBUSY) return undefined;
  return `Either this process lacks CAP_NET_ADMIN, or queue ${number} has an owner ` +
    "already: see /proc/net/netfilter/nfnetlink_queue";
}
