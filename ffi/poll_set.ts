/**
 * One waiter for all descriptors of this thread: a `poll` on a pool thread, and an eventfd in the
 * same set that ends it whenever the set changes.
 *
 * @module
 */

import type { Backend, NativeFunctions, ReadableListener, SymbolTable, Watcher } from "./types.ts";

const calls = {
  /** `int poll(struct pollfd *fds, nfds_t nfds, int timeout)` */
  poll: { parameters: ["pointer", "usize", "i32"], result: "i32", nonblocking: true },
  /** `int eventfd(unsigned int initval, int flags)` */
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  /** `int eventfd_write(int fd, eventfd_t value)`: the value is 64 bits wide */
  eventfd_write: { parameters: ["i32", "usize"], result: "i32" },
  /** `int eventfd_read(int fd, eventfd_t *value)` */
  eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies SymbolTable;

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const POLLIN = 1;
/** struct pollfd: int fd; short events; short revents. */
const POLLFD_SIZE = 8;

interface Entry {
  readonly descriptor: number;
  readonly listener: ReadableListener;
  armed: boolean;
}

/** The descriptors that wait, and the poll that waits for them. */
export class PollSet {
  readonly #backend: Backend;
  readonly #libc: NativeFunctions<typeof calls>;
  readonly #wake: number;
  readonly #counter = new Uint8Array(new ArrayBuffer(8));
  readonly #entries = new Set<Entry>();
  #scheduled = false;
  #polling = false;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#libc = backend.open("libc.so.6", calls);
    this.#wake = this.#libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (this.#wake < 0) throw new Error("no descriptor left to wait with: raise ulimit -n");
  }

  /** Adds a descriptor; it takes part while it is armed. */
  watch(descriptor: number, listener: ReadableListener): Watcher {
    const entry: Entry = { descriptor, listener, armed: false };
    return {
      arm: () => {
        if (entry.armed) return;
        entry.armed = true;
        this.#entries.add(entry);
        this.#schedule();
      },
      disarm: () => this.#remove(entry),
      close: () => this.#remove(entry),
    };
  }

  #remove(entry: Entry): void {
    entry.armed = false;
    if (this.#entries.delete(entry) && this.#polling) this.#libc.eventfd_write(this.#wake, 1n);
  }

  /** Deferred to a microtask, so that several descriptors armed together make one poll. */
  #schedule(): void {
    if (this.#polling) this.#libc.eventfd_write(this.#wake, 1n);
    else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#poll();
      });
    }
  }

  async #poll(): Promise<void> {
    this.#polling = true;
    while (this.#entries.size > 0) {
      const entries = [...this.#entries];
      // The kernel reads and writes this from another thread: it is never touched meanwhile, and
      // this frame keeps it alive.
      const set = new DataView(new ArrayBuffer((entries.length + 1) * POLLFD_SIZE));
      set.setInt32(0, this.#wake, true);
      set.setInt16(4, POLLIN, true);
      entries.forEach(({ descriptor }, index) => {
        set.setInt32((index + 1) * POLLFD_SIZE, descriptor, true);
        set.setInt16((index + 1) * POLLFD_SIZE + 4, POLLIN, true);
      });
      const address = this.#backend.addressOf(set.buffer);
      const pointer = this.#backend.pointerTo(address);
      const ready = await this.#libc.poll(pointer, BigInt(entries.length + 1), -1);
      if (ready <= 0) continue; // EINTR
      if (set.getInt16(6, true) !== 0) this.#libc.eventfd_read(this.#wake, this.#counter);
      entries.forEach((entry, index) => {
        // An entry taken off, or closed, meanwhile must not be called.
        if (!entry.armed || set.getInt16((index + 1) * POLLFD_SIZE + 6, true) === 0) return;
        entry.armed = false;
        this.#entries.delete(entry);
        entry.listener(undefined);
      });
    }
    this.#polling = false;
  }
}
