/**
 * Node 26.9 and later: `node:ffi` (experimental), pointers as BigInts, waiting in libuv's loop.
 *
 * @module
 */

// deno-lint-ignore-file no-explicit-any -- the one place where Node's own types would be needed
import { nodeRefusal } from "./load_error.ts";
import { UvPoller } from "./node_poll.ts";
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
  u8: "uint8",
  u16: "uint16",
  i32: "int32",
  u32: "uint32",
  usize: "uint64",
  pointer: "pointer",
  buffer: "buffer",
};

/**
 * The backend, or undefined where this is not Node.
 *
 * @throws {LibraryLoadError} in a Node that has no FFI, or may not use it
 */
export function nodeBackend(): Backend | undefined {
  const { process } = globalThis as any;
  const version: string | undefined = process?.versions?.node;
  if (version === undefined || "Bun" in globalThis || "Deno" in globalThis) return undefined;
  // Not an import: this form alone survives deno check, bundlers and older Nodes.
  const ffi = process.getBuiltinModule?.("node:ffi");
  const permitted = process.permission?.has("ffi") ?? true;
  if (ffi === undefined || !permitted) throw nodeRefusal(version, { permitted });

  // Libraries stay open: a collected one would take its functions with it.
  const libraries: object[] = [];
  let poller: UvPoller | undefined;
  const watch = (descriptor: number, listener: ReadableListener): Watcher =>
    (poller ??= new UvPoller(ffi)).watch(descriptor, listener);

  return {
    runtime: "node",
    platform: process.platform,
    reloadFlag: undefined,
    open: <Table extends SymbolTable>(path: string, table: Table): NativeFunctions<Table> => {
      const library = new ffi.DynamicLibrary(path);
      try {
        const functions = functionsOf(library, path, table);
        libraries.push(library);
        return functions;
      } catch (error) {
        library.close();
        throw error;
      }
    },
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer)),
    pointerTo: (address) => (address === 0 ? null : BigInt(address) as unknown as Pointer),
    offset: (pointer, byteCount) => ((pointer as any) + BigInt(byteCount)) as Pointer,
    viewOf: (pointer, byteLength) => ffi.toArrayBuffer(pointer, byteLength, false),
    callback: ({ parameters, result }, call) => {
      const library = new ffi.DynamicLibrary(null);
      libraries.push(library);
      const isPointer = parameters.map((type) => type === "pointer" || type === "buffer");
      const pointer = library.registerCallback(
        { arguments: parameters.map((type) => names[type]), return: names[result] },
        (...values: any[]) => {
          values.forEach((value, at) => {
            if (isPointer[at] && value === 0n) values[at] = null;
          });
          const given = (call as any)(...values);
          return result === "pointer" ? given ?? 0n : given;
        },
      );
      let closed = false;
      return {
        pointer,
        close: () => {
          if (closed) return;
          closed = true;
          library.unregisterCallback(pointer);
          libraries.splice(libraries.indexOf(library), 1);
        },
      };
    },
    watch,
    onceReadable: (descriptor, callback) => {
      const watcher = watch(descriptor, () => {
        watcher.close();
        callback();
      });
      watcher.arm();
      return watcher.close;
    },
    onExit: (callback) => {
      process.on("exit", callback);
      return () => process.off("exit", callback);
    },
    ...processCalls(process),
    serveModules: (modules) => {
      process.getBuiltinModule("node:module").registerHooks({
        resolve: (specifier: string, context: object, next: any) => {
          if (!Object.hasOwn(modules, specifier)) return next(specifier, context);
          return { url: modules[specifier]!.url, shortCircuit: true };
        },
      });
      return true;
    },
    environment: (name) => process.env[name],
  };
}

function functionsOf<Table extends SymbolTable>(
  library: any,
  path: string,
  table: Table,
): NativeFunctions<Table> {
  const functions: Record<string, unknown> = {};
  for (const [name, { parameters, result, since }] of Object.entries(table)) {
    try {
      const call = library.getFunction(name, {
        arguments: parameters.map((type) => names[type]),
        return: names[result],
      });
      functions[name] = result === "pointer" ? nullable(call) : call;
    } catch (error) {
      if (since === undefined) throw error;
      functions[name] = () => {
        throw new MissingSymbolError(name, since, path);
      };
    }
  }
  return functions as NativeFunctions<Table>;
}

/** NULL is 0n in Node. */
function nullable(call: (...values: any[]) => bigint): (...values: any[]) => bigint | null {
  return (...values) => {
    const pointer = call(...values);
    return pointer === 0n ? null : pointer;
  };
}
