/**
 * One waiter for all descriptors of this thread: a `poll` on a pool thread, and an eventfd in the
 * same set that ends it whenever the set changes.
 *
 * @module
 */

import type {
  Backend,
  NativeFunctions,
  Pointer,
  ReadableListener,
  SymbolTable,
  Watcher,
} from "./types.ts";

const calls = {
  /** `int poll(struct pollfd *fds, nfds_t nfds, int timeout)` */
  poll: { parameters: ["pointer", "usize", "i32"], result: "i32", nonblocking: true },
  /** `void *calloc(size_t count, size_t size)` */
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  /** `void free(void *block)` */
  free: { parameters: ["pointer"], result: "void" },
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
const EVENTS = 4;
const REVENTS = 6;

/**
 * C's own memory, because the pool's thread reads and writes it: a worker that is terminated while
 * it polls takes its ArrayBuffers along, but not this.
 */
interface PollMemory {
  readonly pointer: Pointer;
  readonly view: DataView;
}

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
  #memory: PollMemory | undefined;
  #scheduled = false;
  #polling = false;
  /** A poll is under way on the pool's thread. */
  #waiting = false;

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
    if (this.#entries.delete(entry)) this.#interrupt();
  }

  /** Deferred to a microtask, so that several descriptors armed together make one poll. */
  #schedule(): void {
    if (this.#polling) this.#interrupt();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#poll();
      });
    }
  }

  /** Ends the poll under way; between two polls the next one sees the change by itself. */
  #interrupt(): void {
    if (this.#waiting) this.#libc.eventfd_write(this.#wake, 1n);
  }

  async #poll(): Promise<void> {
    this.#polling = true;
    while (this.#entries.size > 0) {
      const entries = [...this.#entries];
      const { pointer, view } = this.#prepare(entries);
      this.#waiting = true;
      const ready = await this.#libc.poll(pointer, BigInt(entries.length + 1), -1);
      this.#waiting = false;
      if (ready <= 0) continue; // EINTR
      if (view.getInt16(REVENTS, true) !== 0) this.#libc.eventfd_read(this.#wake, this.#counter);
      entries.forEach((entry, index) => {
        const revents = view.getInt16((index + 1) * POLLFD_SIZE + REVENTS, true);
        // An entry taken off, or closed, meanwhile must not be called.
        if (revents === 0 || !entry.armed) return;
        entry.armed = false;
        this.#entries.delete(entry);
        entry.listener(undefined);
      });
    }
    this.#polling = false;
  }

  /** Writes the set; the last poll has returned, so nobody else looks at the memory. */
  #prepare(entries: readonly Entry[]): PollMemory {
    const count = entries.length + 1;
    if (this.#memory === undefined || this.#memory.view.byteLength < count * POLLFD_SIZE) {
      if (this.#memory !== undefined) this.#libc.free(this.#memory.pointer);
      const size = 2 * count * POLLFD_SIZE;
      const pointer = this.#libc.calloc(1n, BigInt(size));
      if (pointer === null) throw new Error("no memory left to wait with");
      this.#memory = { pointer, view: new DataView(this.#backend.viewOf(pointer, size)) };
    }
    const { view } = this.#memory;
    [{ descriptor: this.#wake }, ...entries].forEach(({ descriptor }, index) => {
      view.setInt32(index * POLLFD_SIZE, descriptor, true);
      view.setInt16(index * POLLFD_SIZE + EVENTS, POLLIN, true);
      view.setInt16(index * POLLFD_SIZE + REVENTS, 0, true);
    });
    return this.#memory;
  }
}
