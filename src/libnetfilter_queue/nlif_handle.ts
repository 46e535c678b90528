/**
 * `struct nlif_handle` of libnfnetlink: names of devices.
 *
 * @module
 */

import { failedCall, prepareErrno, threadErrno } from "../linux/errno.ts";
import { libnfnetlink } from "../../ffi/libraries/libnfnetlink.ts";
import { textOf } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";
import { checkU32 } from "../base/checks.ts";
import { HandleClosedError } from "./guards/errors.ts";
import { checkKey, KEY } from "./guards/key.ts";

const IFNAMSIZ = 16;

export const NLIF_POINTER: unique symbol = Symbol("nlifPointer");

/**
 * A table from device index to name (libnfnetlink.h), for `nfq_get_indev_name` and its siblings. It
 * holds the devices of the last `nlif_query`; call that again when devices come, go or are renamed.
 *
 * @throws {HandleClosedError} once it is closed
 */
export class NlifHandle implements Disposable {
  #pointer: Pointer | undefined;

  /** @ignore The open C handle. Throws where it is closed. */
  static [NLIF_POINTER](handle: NlifHandle): Pointer {
    if (!(#pointer in handle)) throw new TypeError("nlif must be an NlifHandle");
    return handle.#open;
  }

  private constructor(key: typeof KEY, pointer: Pointer) {
    checkKey(key, "NlifHandle.nlif_open");
    this.#pointer = pointer;
  }

  /**
   * Opens an empty table with a socket of its own: `struct nlif_handle *nlif_open(void)`.
   *
   * @returns the table
   * @throws {SystemError}
   * @throws {LibraryLoadError} when libnfnetlink is not installed
   */
  static nlif_open(): NlifHandle {
    prepareErrno();
    const pointer = libnfnetlink().nlif_open();
    if (pointer === null) throw failedCall("nlif_open", threadErrno());
    return new NlifHandle(KEY, pointer);
  }

  /** Whether `nlif_close` was called. */
  get closed(): boolean {
    return this.#pointer === undefined;
  }

  /**
   * Fills the table with the devices of now: `int nlif_query(struct nlif_handle *nlif_handle)`.
   *
   * @throws {SystemError}
   * @throws {HandleClosedError}
   */
  nlif_query(): void {
    if (libnfnetlink().nlif_query(this.#open) < 0) throw failedCall("nlif_query", threadErrno());
  }

  /**
   * A device's name: `int nlif_index2name(struct nlif_handle *nlif_handle, unsigned int if_index,
   * char *name)`.
   *
   * @param index the device's
   * @returns the name; undefined where the table does not hold it; `"*"` for index 0
   * @throws {HandleClosedError}
   */
  nlif_index2name(index: number): string | undefined {
    const name = new Uint8Array(new ArrayBuffer(IFNAMSIZ));
    const result = libnfnetlink().nlif_index2name(this.#open, checkU32("index", index), name);
    return result < 0 ? undefined : textOf(name);
  }

  /** Closes it: `void nlif_close(struct nlif_handle *orig)`. Idempotent. */
  nlif_close(): void {
    const pointer = this.#pointer;
    this.#pointer = undefined;
    if (pointer !== undefined) libnfnetlink().nlif_close(pointer);
  }

  /** Closes it, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.nlif_close();
  }

  get #open(): Pointer {
    if (this.#pointer === undefined) throw new HandleClosedError("NlifHandle");
    return this.#pointer;
  }
}
