/**
 * Writing to a pipe or a terminal without ever waiting for its reader: the runtimes' own streams block
 * the thread there.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { cString, NativeMemory } from "../../ffi/memory.ts";
import { readLink } from "./directories.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "./errno.ts";

const WRONLY = 1;
const NOCTTY = 0o400;
const NONBLOCK = 0o4000;
const CLOEXEC = 0o2000000;
const POLLOUT = 4;
/** struct pollfd: int fd; short events; short revents. */
const POLLFD = { size: 8, events: 4 } as const;
/** A pipe that can be written to at all takes so many bytes (PIPE_BUF). */
const PIECE = 4096;
/** Where a write takes what there is room for. */
const LARGE_PIECE = 1 << 16;

/** An open descriptor as an output. */
export class UnblockedOutput implements Disposable {
  readonly #descriptor: number;
  readonly #own: boolean;
  readonly #pollfd = new NativeMemory(POLLFD.size);
  readonly #noTime = new NativeMemory(16);
  /** Whether a write may wait for the reader, so that it must be asked first. */
  readonly #mayWait: boolean;
  readonly #piece: Uint8Array<ArrayBuffer>;

  /** @param descriptor it stays open, and its flags are left as they are: others share them */
  constructor(descriptor: number) {
    prepareErrno();
    const target = readLink(`/proc/self/fd/${descriptor}`) ?? "";
    // Opened a second time, a pipe or a terminal has flags of its own. A file would be begun anew.
    const again = /^(?:pipe:|\/dev\/(?:pts\/|tty|console))/.test(target)
      ? libc().open(
        cString(`/proc/self/fd/${descriptor}`),
        WRONLY | NOCTTY | NONBLOCK | CLOEXEC,
      )
      : -1;
    this.#own = again >= 0;
    this.#descriptor = this.#own ? again : descriptor;
    const file = target.startsWith("/") && !target.startsWith("/dev/");
    this.#mayWait = !this.#own && !file;
    this.#piece = new Uint8Array(new ArrayBuffer(this.#mayWait ? PIECE : LARGE_PIECE));
    this.#pollfd.view.setInt32(0, this.#descriptor, true);
    this.#pollfd.view.setInt16(POLLFD.events, POLLOUT, true);
  }

  /**
   * Writes the beginning of the bytes.
   *
   * @returns how many bytes; 0 where the reader must read first
   * @throws {SystemError} EPIPE where nobody reads any more; ENOSPC and the like
   */
  write(bytes: Uint8Array): number {
    const { ppoll, write } = libc();
    const { pointer } = this.#pollfd;
    if (this.#mayWait && ppoll(pointer, 1n, this.#noTime.pointer, null) === 0) return 0;
    const size = Math.min(bytes.length, this.#piece.length);
    this.#piece.set(bytes.subarray(0, size));
    const written = write(this.#descriptor, this.#piece, BigInt(size));
    if (written >= 0) return written;
    const errno = threadErrno();
    if (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR) return 0;
    throw failedCall("write", errno);
  }

  [Symbol.dispose](): void {
    if (this.#own) libc().close(this.#descriptor);
  }
}
