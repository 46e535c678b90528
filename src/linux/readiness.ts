/**
 * Waiting for descriptors: blocking this thread, or with one descriptor that stands for several
 * things that may become ready.
 *
 * @module
 */

import { ERRNO, failedCall, prepareErrno, threadErrno } from "./errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import { lookForSignals } from "./signals.ts";

const POLLIN = 1;
/** struct pollfd: int fd; short events; short revents. */
const POLLFD_SIZE = 8;
const EVENTS = 4;
/** struct timespec: 64-bit seconds and nanoseconds. */
const TIMESPEC_SIZE = 16;
const NANOSECONDS = 8;
const ONE = 1n;

/** Blocks this thread until a descriptor can be read. */
export class BlockingWait {
  readonly #pollfd = new NativeMemory(POLLFD_SIZE);
  readonly #timeout = new NativeMemory(TIMESPEC_SIZE);
  readonly #libc = libc();

  constructor(descriptor: number) {
    prepareErrno();
    this.#pollfd.view.setInt32(0, descriptor, true);
    this.#pollfd.view.setInt16(EVENTS, POLLIN, true);
  }

  /**
   * @param microseconds how long at most, below 2³² seconds; without it for ever
   * @returns 1 when it is readable, 0 after that time, or the negative errno: EINTR for a signal, also for one that came before
   */
  wait(microseconds?: number): number {
    if (microseconds !== undefined) {
      const seconds = Math.floor(microseconds / 1e6);
      this.#timeout.view.setUint32(0, seconds, true);
      const nanoseconds = Math.floor((microseconds - seconds * 1e6) * 1000);
      this.#timeout.view.setUint32(NANOSECONDS, nanoseconds, true);
    }
    const limit = microseconds === undefined ? null : this.#timeout.pointer;
    // It came before the wait, so it interrupts nothing: the listener would wait for the next packet.
    if (lookForSignals()) return -ERRNO.EINTR;
    const ready = this.#libc.ppoll(this.#pollfd.pointer, ONE, limit, null);
    const result = ready < 0 ? -threadErrno() : ready;
    if (result === -ERRNO.EINTR) lookForSignals();
    return result;
  }
}

const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const EPOLL_CTL_ADD = 1;
const ADVICE = "Raise the limit of open files: ulimit -n";

/**
 * A descriptor for poll(2), select(2) and epoll(7) that is readable while another descriptor is, or
 * while `ring(true)` holds: for messages that the program has already, beside those in a socket.
 */
export class Doorbell {
  /** The one to wait for. */
  readonly descriptor: number;
  readonly #bell: number;
  readonly #counter = new Uint8Array(new ArrayBuffer(8));
  readonly #libc = libc();
  #ringing = false;

  /** @throws {SystemError} when no descriptor is left */
  constructor(descriptor: number) {
    prepareErrno();
    const { epoll_create1, eventfd, close } = this.#libc;
    this.descriptor = epoll_create1(CLOEXEC);
    if (this.descriptor < 0) throw failedCall("epoll_create1", threadErrno(), ADVICE);
    this.#bell = eventfd(0, CLOEXEC | NONBLOCK);
    if (this.#bell < 0) {
      const errno = threadErrno();
      close(this.descriptor);
      throw failedCall("eventfd", errno, ADVICE);
    }
    this.#add(descriptor);
    this.#add(this.#bell);
  }

  /** Makes it readable by itself, or no longer. */
  ring(on: boolean): void {
    if (on === this.#ringing) return;
    this.#ringing = on;
    if (on) this.#libc.eventfd_write(this.#bell, ONE);
    else this.#libc.eventfd_read(this.#bell, this.#counter);
  }

  /** Closes it; the other descriptor stays open. */
  close(): void {
    this.#libc.close(this.#bell);
    this.#libc.close(this.descriptor);
  }

  #add(descriptor: number): void {
    // struct epoll_event: events, data; packed on x86-64, padded elsewhere, the same to us.
    const event = new Uint8Array(new ArrayBuffer(16));
    event[0] = POLLIN;
    if (this.#libc.epoll_ctl(this.descriptor, EPOLL_CTL_ADD, descriptor, event) >= 0) return;
    const errno = threadErrno();
    this.close();
    throw failedCall("epoll_ctl", errno, ADVICE);
  }
}
