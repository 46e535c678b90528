/**
 * Bun: `bun:ffi`, pointers as numbers, waiting through Bun's own loop.
 *
 * @module
 */

// deno-lint-ignore-file no-explicit-any -- the one place where Bun's own types would be needed
import { processCalls } from "./process.ts";
import type {
  Backend,
  NativeFunctions,
  NativeType,
  Pointer,
  ReadableListener,
  SymbolTable,
  Watcher,
} from "./types.ts";
import { MissingSymbolError } from "./types.ts";

const names: Readonly<Record<NativeType, string>> = {
  void: "void",
  u8: "u8",
  u16: "u16",
  i32: "i32",
  u32: "u32",
  usize: "usize",
  pointer: "ptr",
  buffer: "ptr",
};

const descriptorCalls = {
  /** `int dup(int fd)` */
  dup: { parameters: ["i32"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int epoll_create1(int flags)` */
  epoll_create1: { parameters: ["i32"], result: "i32" },
  /** `int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)` */
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
} as const satisfies SymbolTable;

/** The backend, or undefined where this is not Bun. */
export function bunBackend(): Backend | undefined {
  if (!("Bun" in globalThis)) return undefined;
  const { process, Bun } = globalThis as any;
  // Not an import: this form alone survives deno check, npm builds and bun --compile.
  const ffi = process.getBuiltinModule("bun:ffi");

  const open = <Table extends SymbolTable>(path: string, table: Table): NativeFunctions<Table> => {
    const define = (symbolNames: readonly string[]): Record<string, unknown> =>
      ffi.dlopen(
        path,
        Object.fromEntries(symbolNames.map((name) => [name, {
          args: table[name]!.parameters.map((type) => names[type]),
          returns: names[table[name]!.result],
        }])),
      ).symbols;

    const all = Object.keys(table);
    try {
      return define(all) as NativeFunctions<Table>;
    } catch {
      // One missing symbol fails a whole dlopen: now each optional one is opened apart.
    }
    const required = all.filter((name) => table[name]!.since === undefined);
    const functions = required.length === 0 ? {} : define(required);
    for (const [name, { since }] of Object.entries(table)) {
      if (since === undefined) continue;
      try {
        functions[name] = define([name])[name];
      } catch {
        functions[name] = () => {
          throw new MissingSymbolError(name, since, path);
        };
      }
    }
    return functions as NativeFunctions<Table>;
  };

  let opened: NativeFunctions<typeof descriptorCalls> | undefined;
  // Opened with the first watcher, so that loading this file does nothing.
  const descriptors = () => opened ??= open("libc.so.6", descriptorCalls);
  return {
    runtime: "bun",
    platform: process.platform,
    reloadFlag: process.execArgv.includes("--hot") ? "--hot" : undefined,
    open,
    addressOf: (buffer) => ffi.ptr(buffer),
    pointerTo: (address) => (address === 0 ? null : address as unknown as Pointer),
    offset: (pointer, byteCount) => (pointer as any) + byteCount,
    viewOf: (pointer, byteLength) => ffi.toArrayBuffer(pointer, 0, byteLength),
    callback: ({ parameters, result }, call) => {
      const callback = new ffi.JSCallback(call, {
        args: parameters.map((type) => names[type]),
        returns: names[result],
      });
      let closed = false;
      return {
        pointer: callback.ptr,
        close: () => {
          if (!closed) callback.close();
          closed = true;
        },
      };
    },
    watch: (descriptor, listener) => watchSocket(Bun, descriptors(), { descriptor, listener }),
    onceReadable: (descriptor, callback) =>
      onceReadable(Bun, descriptors(), { descriptor, callback }),
    onExit: (callback) => {
      process.on("exit", callback);
      return () => process.off("exit", callback);
    },
    ...processCalls(process),
    serveModules: (modules) => {
      const setup = (build: any): void => {
        for (const [name, { load }] of Object.entries(modules)) {
          build.module(name, async () => ({ exports: await load(), loader: "object" }));
        }
      };
      Bun.plugin({ name: "modules by name", setup });
      return true;
    },
    environment: (name) => process.env[name],
  };
}

/**
 * Bun adopts a duplicate of the socket and reads one datagram a wake-up; the listener takes that
 * one and then drains the rest. A receive error (ENOBUFS) closes the duplicate, so it is made anew.
 */
function watchSocket(
  bun: any,
  { dup, close }: NativeFunctions<typeof descriptorCalls>,
  { descriptor, listener }: { descriptor: number; listener: ReadableListener },
): Watcher {
  let socket: any;
  let armed = false;
  let closed = false;

  const adopt = (): void => {
    const copy = dup(descriptor);
    if (copy < 0) throw new Error("no descriptor left to wait with (dup failed): raise ulimit -n");
    const lost = (gone: any): void => {
      if (closed || gone !== socket) return;
      socket = undefined;
      // The pending error is the listener's to see; it re-arms when it has drained.
      listener(undefined);
      if (armed && socket === undefined && !closed) adopt();
    };
    let opened: any;
    bun.connect({
      fd: copy,
      socket: {
        binaryType: "uint8array",
        open: (fresh: any) => {
          opened = fresh;
        },
        data: (_: unknown, datagram: Uint8Array) => {
          if (!closed) listener(datagram);
        },
        error: () => {},
        close: lost,
        end: () => {},
      },
    }).catch(() => close(copy));
    socket = opened;
  };

  return {
    arm: () => {
      if (closed) return;
      if (socket === undefined) adopt();
      else if (!armed) {
        socket.resume();
        socket.ref();
      }
      armed = true;
    },
    disarm: () => {
      if (armed) {
        socket?.pause();
        socket?.unref();
      }
      armed = false;
    },
    close: () => {
      closed = true;
      socket?.terminate();
      socket = undefined;
    },
  };
}

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;

/**
 * Bun can only wait by adopting a socket and reading from it. So it is given an epoll set that holds
 * the descriptor: when that is readable, reading from the set fails, and Bun closes it and says so.
 */
function onceReadable(
  bun: any,
  { epoll_create1, epoll_ctl, close }: NativeFunctions<typeof descriptorCalls>,
  { descriptor, callback }: { descriptor: number; callback: () => void },
): () => void {
  const set = epoll_create1(EPOLL_CLOEXEC);
  // struct epoll_event, packed: events, data.
  const event = new Uint8Array(new ArrayBuffer(16));
  event[0] = EPOLLIN;
  if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, descriptor, event) < 0) {
    if (set >= 0) close(set);
    throw new Error("no descriptor left to wait with (epoll failed): raise ulimit -n");
  }
  let waiting = true;
  let socket: any;
  const wake = () => {
    if (waiting) callback();
    waiting = false;
  };
  bun.connect({
    fd: set,
    socket: {
      open: (fresh: any) => {
        socket = fresh;
      },
      data: () => {},
      error: () => {},
      end: () => {},
      close: wake,
    },
  }).catch(() => {
    close(set);
    // Better woken for nothing than never.
    wake();
  });
  return () => {
    if (waiting) socket?.terminate();
    waiting = false;
  };
}
