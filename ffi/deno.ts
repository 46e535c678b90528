/**
 * Deno: `Deno.dlopen`, pointers as objects, waiting through one nonblocking poll.
 *
 * @module
 */

// deno-lint-ignore-file no-explicit-any -- the one place where Deno's own types would be needed
import { denoSignals } from "./deno_signals.ts";
import { isPermissionError, permissionError } from "./load_error.ts";
import { PollSet } from "./poll_set.ts";
import { processCalls } from "./process.ts";
import type {
  Backend,
  NativeFunctions,
  Pointer,
  ReadableListener,
  SymbolTable,
  Watcher,
} from "./types.ts";
import { MissingSymbolError } from "./types.ts";

/** The backend, or undefined where this is not Deno. */
export function denoBackend(): Backend | undefined {
  const deno = (globalThis as any).Deno;
  if (deno?.dlopen === undefined || "Bun" in globalThis) return undefined;
  const { UnsafeCallback, UnsafePointer, UnsafePointerView } = deno;
  try {
    // Asks for the permission that everything here needs, before anything is done.
    UnsafePointer.of(new Uint8Array(1));
  } catch (error) {
    throw isPermissionError(error) ? permissionError(error) : error;
  }

  const open = <Table extends SymbolTable>(path: string, table: Table): NativeFunctions<Table> => {
    const definitions = Object.fromEntries(
      Object.entries(table).map(([name, symbol]) => [name, {
        parameters: symbol.parameters,
        result: symbol.result,
        nonblocking: symbol.nonblocking ?? false,
        optional: symbol.since !== undefined,
      }]),
    );
    const { symbols } = deno.dlopen(path, definitions);
    const functions: Record<string, unknown> = {};
    for (const [name, { since }] of Object.entries(table)) {
      functions[name] = symbols[name] ?? (() => {
        throw new MissingSymbolError(name, since!, path);
      });
    }
    return functions as NativeFunctions<Table>;
  };

  const pointerTo = (address: number): Pointer | null => UnsafePointer.create(BigInt(address));
  let pollSet: PollSet | undefined;
  const watch = (descriptor: number, listener: ReadableListener): Watcher =>
    (pollSet ??= new PollSet(backend)).watch(descriptor, listener);
  const backend: Backend = {
    runtime: "deno",
    platform: deno.build.os,
    open,
    addressOf: (buffer) => Number(UnsafePointer.value(UnsafePointer.of(new Uint8Array(buffer)))),
    pointerTo,
    offset: (pointer, byteCount) => UnsafePointer.offset(pointer, byteCount),
    viewOf: (pointer, byteLength) => UnsafePointerView.getArrayBuffer(pointer, byteLength),
    callback: (signature, call) => {
      let callback: any = new UnsafeCallback(signature, call);
      return {
        pointer: callback.pointer,
        close: () => {
          callback?.close();
          callback = undefined;
        },
      };
    },
    reloadFlag: undefined,
    falseInterrupts: false,
    watch,
    onceReadable: (descriptor, callback) => {
      const watcher = watch(descriptor, () => callback());
      watcher.arm();
      return watcher.close;
    },
    onExit: (callback) => {
      (globalThis as any).addEventListener("unload", callback);
      return () => (globalThis as any).removeEventListener("unload", callback);
    },
    ...processCalls((globalThis as any).process),
    ...denoSignals(deno, (globalThis as any).process),
    serveModules: () => false,
    // Asking for the variable must never raise a permission prompt.
    environment: (name) =>
      deno.permissions.querySync({ name: "env", variable: name }).state === "granted"
        ? deno.env.get(name)
        : undefined,
  };
  return backend;
}
