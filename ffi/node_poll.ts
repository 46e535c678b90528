/**
 * Waiting in Node: by libuv's own `uv_poll_t` in the loop of this thread. The node binary exports libuv's
 * calls to addons, so nothing is built and no thread waits.
 *
 * @module
 */

import type { ReadableListener, Watcher } from "./types.ts";

/** What is used of node:ffi here. Pointers are BigInts. */
export interface PollingFfi {
  getCurrentEventLoop(): bigint;
  getUint32(pointer: bigint, offset: number): number;
  setUint32(pointer: bigint, offset: number, value: number): void;
  readonly DynamicLibrary: new (path: null) => {
    getFunction(
      name: string,
      signature: { readonly arguments: readonly string[]; readonly return: string },
    ): (...values: readonly unknown[]) => unknown;
    getSymbol(name: string): bigint;
    registerCallback(
      signature: { readonly arguments: readonly string[]; readonly return: string },
      callback: (handle: bigint) => void,
    ): bigint;
  };
}

const calls = {
  /** `int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd)` */
  uv_poll_init: [["pointer", "pointer", "int32"], "int32"],
  /** `int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback)` */
  uv_poll_start: [["pointer", "int32", "pointer"], "int32"],
  /** `int uv_poll_stop(uv_poll_t *handle)` */
  uv_poll_stop: [["pointer"], "int32"],
  /** `void uv_close(uv_handle_t *handle, uv_close_cb callback)` */
  uv_close: [["pointer", "pointer"], "void"],
  /** `void uv_ref(uv_handle_t *handle)` */
  uv_ref: [["pointer"], "void"],
  /** `void uv_unref(uv_handle_t *handle)` */
  uv_unref: [["pointer"], "void"],
  /** `size_t uv_handle_size(uv_handle_type type)` */
  uv_handle_size: [["int32"], "uint64"],
  /** `void *calloc(size_t count, size_t size)` */
  calloc: [["uint64", "uint64"], "pointer"],
  /** `void free(void *block)` */
  free: [["pointer"], "void"],
  /** `int fcntl(int fd, int command, int argument)` */
  fcntl: [["int32", "int32", "int32"], "int32"],
  /** `int close(int fd)` */
  close: [["int32"], "int32"],
  /** `v8::Isolate *v8::Isolate::GetCurrent()` */
  _ZN2v87Isolate10GetCurrentEv: [[], "pointer"],
  /** `void node::AddEnvironmentCleanupHook(v8::Isolate *, void (*call)(void *), void *argument)` */
  _ZN4node25AddEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_: [
    ["pointer", "pointer", "pointer"],
    "void",
  ],
  /** `void node::RemoveEnvironmentCleanupHook(v8::Isolate *, void (*call)(void *), void *argument)` */
  _ZN4node28RemoveEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_: [
    ["pointer", "pointer", "pointer"],
    "void",
  ],
} as const;

type Calls = { readonly [Name in keyof typeof calls]: (...values: readonly unknown[]) => unknown };

const UV_POLL = 8;
const UV_READABLE = 1;
const F_DUPFD_CLOEXEC = 1030;
/** Not one of those that programs use for input and output. */
const FIRST_DESCRIPTOR = 3;
/** The field `flags` of `uv_handle_t`, the same in all of libuv 1. */
const FLAGS = 88;
const UV_HANDLE_REF = 8;
const UV_HANDLE_INTERNAL = 16;

const turns = globalThis as unknown as {
  setImmediate(callback: () => void): object;
  clearImmediate(turn: object | undefined): void;
};

/** Makes the watchers of one thread. */
export class UvPoller {
  readonly #ffi: PollingFfi;
  readonly #calls: Calls;
  readonly #loop: bigint;
  readonly #isolate: unknown;
  readonly #handleSize: unknown;
  readonly #listeners = new Map<bigint, () => void>();
  // Functions of C: when the environment ends, no JavaScript may run any more.
  readonly #stop: bigint;
  readonly #free: bigint;
  /** All handles have this one callback: what C calls is never freed. */
  readonly #polled: bigint;

  constructor(ffi: PollingFfi) {
    const node = new ffi.DynamicLibrary(null);
    this.#ffi = ffi;
    this.#calls = Object.fromEntries(
      Object.entries(calls).map(([name, [parameters, result]]) => [
        name,
        node.getFunction(name, { arguments: parameters, return: result }),
      ]),
    ) as Calls;
    this.#loop = ffi.getCurrentEventLoop();
    this.#isolate = this.#calls._ZN2v87Isolate10GetCurrentEv();
    this.#handleSize = this.#calls.uv_handle_size(UV_POLL);
    this.#stop = node.getSymbol("uv_poll_stop");
    this.#free = node.getSymbol("free");
    this.#polled = node.registerCallback(
      { arguments: ["pointer", "int32", "int32"], return: "void" },
      (handle) => this.#listeners.get(handle)?.(),
    );
  }

  /** A watcher that reads nothing. */
  watch(descriptor: number, listener: ReadableListener): Watcher {
    const { uv_poll_start, uv_poll_stop, uv_close, close } = this.#calls;
    const { handle, copy } = this.#open(descriptor);
    let armed = false;
    let open = true;
    let turn: object | undefined;
    const deliver = (): void => {
      turn = undefined;
      armed = false;
      listener(undefined);
    };
    this.#listeners.set(handle, () => {
      uv_poll_stop(handle);
      // Not here: C called us, so promises would wait, and an exception would end the process.
      turn = turns.setImmediate(deliver);
    });
    const disarm = (): void => {
      if (!armed) return;
      armed = false;
      turns.clearImmediate(turn);
      turn = undefined;
      uv_poll_stop(handle);
    };
    return {
      arm: () => {
        if (armed || !open) return;
        armed = true;
        uv_poll_start(handle, UV_READABLE, this.#polled);
      },
      disarm,
      close: () => {
        if (!open) return;
        disarm();
        open = false;
        this.#listeners.delete(handle);
        this.#atEnd("Remove", handle);
        uv_close(handle, this.#free);
        close(copy);
      },
    };
  }

  #open(descriptor: number): { readonly handle: bigint; readonly copy: unknown } {
    const { fcntl, calloc, close, free, uv_poll_init } = this.#calls;
    // A descriptor may be in one uv_poll_t only: each watcher has its own.
    const copy = fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    if (copy as number < 0) throw new Error("no descriptor left to wait with: raise ulimit -n");
    const handle = calloc(1n, this.#handleSize) as bigint;
    const failed = handle === 0n ? "no memory" : uv_poll_init(this.#loop, handle, copy);
    if (failed !== 0) {
      free(handle);
      close(copy);
      throw new Error(`cannot wait for descriptor ${descriptor}: uv_poll_init gave ${failed}`);
    }
    this.#hide(handle);
    this.#atEnd("Add", handle);
    return { handle, copy };
  }

  /**
   * A worker that is terminated aborts the process where its loop has a handle that Node does not know of.
   * Handles that libuv counts among its own are left out of that.
   */
  #hide(handle: bigint): void {
    const { getUint32, setUint32 } = this.#ffi;
    const { uv_ref, uv_unref } = this.#calls;
    const flags = getUint32(handle, FLAGS);
    uv_unref(handle);
    const known = flags === (getUint32(handle, FLAGS) | UV_HANDLE_REF);
    uv_ref(handle);
    if (known) setUint32(handle, FLAGS, flags | UV_HANDLE_INTERNAL);
  }

  /** The loop runs once more when JavaScript has ended: by then nothing may be polled. */
  #atEnd(change: "Add" | "Remove", handle: bigint): void {
    const {
      _ZN4node25AddEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_: add,
      _ZN4node28RemoveEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_: remove,
    } = this.#calls;
    (change === "Add" ? add : remove)(this.#isolate, this.#stop, handle);
  }
}
