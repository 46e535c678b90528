/**
 * `struct nfnl_handle` of libnfnetlink: the netlink socket under an `NfqHandle`.
 *
 * @module
 */

import { failedCall, prepareErrno, threadErrno } from "../linux/errno.ts";
import { libnfnetlink } from "../../ffi/libraries/libnfnetlink.ts";
import type { Pointer } from "../../ffi/types.ts";
import { checkInteger } from "./guards/arguments.ts";
import { HandleClosedError } from "./guards/errors.ts";
import { checkKey, KEY } from "./guards/key.ts";

export const LEND_TO: unique symbol = Symbol("lendTo");
export const OWN_POINTER: unique symbol = Symbol("ownPointer");
export const BORROW: unique symbol = Symbol("borrow");

/**
 * A netlink socket for netfilter (libnfnetlink.h). One of your own is closed with `nfnl_close`,
 * `using`, or by the `NfqHandle` that took it over; one from `nfq_nfnlh` is part of its `NfqHandle`.
 *
 * @throws {HandleClosedError} once it is closed
 */
export class NfnlHandle implements Disposable {
  readonly #pointer: Pointer;
  /** Who closes it, if not this object. */
  #owner: { readonly closed: boolean } | undefined;
  #closed = false;

  /** @ignore Takes the pointer over; from then on the handle is as long as `owner` is open. */
  [LEND_TO](owner: { readonly closed: boolean }): void {
    this.#owner = owner;
  }

  /** @ignore The open C handle of an NfnlHandle that nobody has taken over. */
  static [OWN_POINTER](handle: NfnlHandle): Pointer {
    if (!(#pointer in handle)) throw new TypeError("nfnlh must be an NfnlHandle");
    if (handle.#owner !== undefined) {
      throw new HandleClosedError("NfnlHandle", "belongs to an NfqHandle already");
    }
    return handle.#open;
  }

  /** @ignore An NfnlHandle over what an owner holds. */
  static [BORROW](pointer: Pointer, owner: { readonly closed: boolean }): NfnlHandle {
    return new NfnlHandle(KEY, pointer, owner);
  }

  private constructor(
    key: typeof KEY,
    pointer: Pointer,
    owner?: { readonly closed: boolean },
  ) {
    checkKey(key, "NfnlHandle.nfnl_open");
    this.#pointer = pointer;
    this.#owner = owner;
  }

  /**
   * Opens a socket: `struct nfnl_handle *nfnl_open(void)`.
   *
   * @returns the handle
   * @throws {SystemError}
   * @throws {LibraryLoadError} when libnfnetlink is not installed
   */
  static nfnl_open(): NfnlHandle {
    prepareErrno();
    const pointer = libnfnetlink().nfnl_open();
    if (pointer === null) throw failedCall("nfnl_open", threadErrno());
    return new NfnlHandle(KEY, pointer);
  }

  /** Whether it, or the `NfqHandle` that it belongs to, is closed. */
  get closed(): boolean {
    return this.#owner === undefined ? this.#closed : this.#owner.closed;
  }

  /**
   * The socket's descriptor: `int nfnl_fd(struct nfnl_handle *h)`.
   *
   * @returns the descriptor, which stays the handle's
   * @throws {HandleClosedError}
   */
  nfnl_fd(): number {
    return libnfnetlink().nfnl_fd(this.#open);
  }

  /**
   * Sets the socket's receive buffer (SO_RCVBUFFORCE, else SO_RCVBUF, which the system limits):
   * `unsigned int nfnl_rcvbufsiz(const struct nfnl_handle *h, unsigned int size)`.
   *
   * @param size in bytes, 0…0x7fffffff
   * @returns the size it has now, in bytes: the kernel doubles what it grants
   * @throws {HandleClosedError}
   */
  nfnl_rcvbufsiz(size: number): number {
    checkInteger("size", size, { max: 0x7fffffff });
    return libnfnetlink().nfnl_rcvbufsiz(this.#open, size);
  }

  /**
   * Closes the socket: `int nfnl_close(struct nfnl_handle *)`. Idempotent.
   *
   * @throws {SystemError}
   * @throws {TypeError} when it belongs to an `NfqHandle`: that one closes it
   */
  nfnl_close(): void {
    if (this.#owner !== undefined) {
      throw new TypeError("this NfnlHandle belongs to an NfqHandle: close that one");
    }
    if (this.#closed) return;
    this.#closed = true;
    prepareErrno();
    if (libnfnetlink().nfnl_close(this.#pointer) < 0) throw failedCall("nfnl_close", threadErrno());
  }

  /** Closes it where it is its own owner. */
  [Symbol.dispose](): void {
    if (this.#owner === undefined) this.nfnl_close();
  }

  get #open(): Pointer {
    if (this.closed) throw new HandleClosedError("NfnlHandle");
    return this.#pointer;
  }
}
