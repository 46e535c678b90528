/**
 * A handle of the system's libipq. The library keeps one error for all handles, reads without a limit
 * of its own on what it is told, and lets child processes inherit its socket; none of that gets out.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { clearErrno, ERRNO, prepareErrno, threadErrno } from "../linux/errno.ts";
import { closeOnExec } from "../linux/descriptors.ts";
import { IPQ_HANDLE, libipq } from "../../ffi/libraries/libipq.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import { BlockingWait, Doorbell } from "../linux/readiness.ts";
import { textAt } from "../linux/text.ts";
import type { Pointer } from "../../ffi/types.ts";
import { copyOf } from "../base/bytes.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";
import { creationFailure, LEAST_BUFFER, markUnread, readFailure } from "./libipq_failures.ts";
import { READ_INTERRUPTED, READ_TIMEOUT, type Transport } from "./transport.ts";

/** FD_SETSIZE: the library waits with select(2), and marks a higher descriptor beyond its set. */
const DESCRIPTOR_LIMIT = 1024;
/** More than a socket's usual send buffer: an error answer carries all of the message it answers. */
const CAPACITY = 1 << 18;
/** For a `buffer` parameter that C will not look at: an empty one has no address in Bun. */
const UNUSED = new Uint8Array(new ArrayBuffer(8));

const NO_BYTES = new Uint8Array(new ArrayBuffer(0));

/** libipq.so's own functions behind the common contract. */
export class LibipqTransport implements Transport {
  readonly name = "libipq";
  readonly descriptor: number;
  readonly #library = libipq();
  readonly #handle: Pointer;
  /** The library's own memory: only while the handle is open. */
  readonly #fields: DataView;
  /** C reads into our memory: a caller's buffer may be shared, or resized meanwhile. */
  readonly #memory = new NativeMemory(CAPACITY);
  readonly #wait: BlockingWait;
  /** Waited for in place of the socket, which a poll on another thread would keep bound. */
  #doorbell: Doorbell | undefined;
  /** The last buffer length as C wants it. */
  #length = { number: 0, usize: 0n };
  #closed = false;

  /**
   * @param protocol NFPROTO_IPV4 or NFPROTO_IPV6
   * @throws {IpqError} codes 2, 3 and 4
   */
  constructor(protocol: number) {
    prepareErrno();
    clearErrno();
    const handle = this.#library.ipq_create_handle(0, protocol);
    if (handle === null) {
      const errno = threadErrno();
      throw creationFailure(protocol, errno);
    }
    this.#handle = handle;
    this.#fields = new DataView(backend().viewOf(handle, IPQ_HANDLE.size));
    this.descriptor = this.#fields.getInt32(IPQ_HANDLE.fd, true);
    if (this.descriptor >= DESCRIPTOR_LIMIT) {
      this.#library.ipq_destroy_handle(handle);
      throw new IpqError(IPQ_ERROR.SOCKET, {
        errno: ERRNO.EMFILE,
        advice: "libipq waits with select(2), and this process uses all descriptors below 1024",
      });
    }
    closeOnExec(this.descriptor);
    this.#wait = new BlockingWait(this.descriptor);
  }

  setMode(mode: number, range: bigint): number {
    clearErrno();
    return this.#sent(this.#library.ipq_set_mode(this.#handle, mode, range));
  }

  read(buffer: Uint8Array, timeout: number): number {
    const { pointer, bytes, view } = this.#memory;
    const length = Math.min(Math.max(0, buffer.length), CAPACITY);
    if (length !== this.#length.number) this.#length = { number: length, usize: BigInt(length) };
    const handle = this.#live(IPQ_ERROR.RECEIVE);
    if (timeout === 0 && length >= LEAST_BUFFER) {
      // Without a limit the library waits in recvfrom, which no signal with a listener would end.
      const ready = this.#wait.wait();
      if (ready === -ERRNO.EINTR) return READ_INTERRUPTED;
      if (ready < 0) throw new IpqError(IPQ_ERROR.RECEIVE, { errno: -ready });
    }
    markUnread(view);
    clearErrno();
    const count = this.#library.ipq_read(handle, pointer, this.#length.usize, timeout);
    if (count === 0) {
      // The library's error would not do: a signal leaves the last call's there.
      return threadErrno() === ERRNO.EINTR ? READ_INTERRUPTED : READ_TIMEOUT;
    }
    if (count < 0) {
      const errno = threadErrno();
      const sender = this.#fields.getUint32(IPQ_HANDLE.peerPort, true);
      const text = (): string => textAt(this.#library.ipq_errstr()!);
      const code = readFailure({ length, errno, sender, message: view, text });
      // The library writes to whom it heard from last: after a foreign sender, to the kernel again.
      this.#fields.setUint32(IPQ_HANDLE.peerPort, 0, true);
      // A message that did not fit is there as far as it did, as in C.
      if (code === IPQ_ERROR.RECEIVED_TRUNCATED) buffer.set(bytes.subarray(0, length));
      throw new IpqError(code, { errno });
    }
    buffer.set(bytes.subarray(0, Math.min(count, length)));
    return count;
  }

  setVerdict(id: bigint, verdict: number, data: Uint8Array | undefined): number {
    // A copy of its own: the caller's may be shared memory.
    const payload = data === undefined ? NO_BYTES : copyOf(data);
    const length = BigInt(payload.length);
    const handle = this.#live(IPQ_ERROR.SEND);
    clearErrno();
    return this.#sent(
      this.#library.ipq_set_verdict(handle, id, verdict, length, length === 0n ? UNUSED : payload),
    );
  }

  whenReadable(callback: () => void): () => void {
    this.#doorbell ??= new Doorbell(this.descriptor);
    return backend().onceReadable(this.#doorbell.descriptor, callback);
  }

  close(): void {
    this.#closed = true;
    this.#doorbell?.close();
    this.#library.ipq_destroy_handle(this.#handle);
  }

  /** A getter of the caller's own data may have destroyed the handle in the middle of its call. */
  #live(code: number): Pointer {
    if (this.#closed) throw new IpqError(code, { errno: ERRNO.EBADF });
    return this.#handle;
  }

  #sent(count: number): number {
    if (count >= 0) return count;
    const errno = threadErrno();
    throw new IpqError(IPQ_ERROR.SEND, { errno });
  }
}
