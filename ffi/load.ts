/**
 * Finds a shared library and opens it, or says everything that a person needs to install it.
 *
 * @module
 */

import { backend } from "./backend.ts";
import {
  type Attempt,
  isPermissionError,
  type LibraryFile,
  LibraryLoadError,
  loadError,
  permissionError,
} from "./load_error.ts";
import { cString } from "./memory.ts";
import {
  MissingSymbolError,
  type NativeFunctions,
  type Pointer,
  type SymbolTable,
} from "./types.ts";

export { LibraryLoadError } from "./load_error.ts";
export type { LibraryFile } from "./load_error.ts";

/** A library and what is wanted of it. */
export interface LibraryDescription<Table extends SymbolTable> extends LibraryFile {
  readonly symbols: Table;
}

/** The C library's names; glibc's first, musl 1.2.3 and later answers to it too. */
export const libcFile: LibraryFile = {
  name: "the C library",
  sonames: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"],
  packages: { "every Linux": "part of the system" },
};

const linkerSymbols = {
  /** `void *dlopen(const char *file, int mode)` */
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
  /** `void *dlsym(void *handle, const char *name)` */
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
} as const satisfies SymbolTable;

const RTLD_NOW = 2;

/** Where Debian, Fedora, openSUSE, Arch and Alpine keep libraries, on x86-64 and arm64. */
const DIRECTORIES = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/lib/x86_64-linux-gnu",
  "/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/lib64",
  "/usr/lib",
  "/lib",
  "/usr/local/lib64",
  "/usr/local/lib",
] as const;

/**
 * Opens a library.
 *
 * @throws {LibraryLoadError} when no candidate opens, or the system is not Linux
 */
export function openLibrary<Table extends SymbolTable>(
  description: LibraryDescription<Table>,
): NativeFunctions<Table> {
  const { platform, open } = backend();
  if (platform !== "linux" && platform !== "android") {
    const advice = `: packet queues exist only on Linux, and this is ${platform}`;
    throw new LibraryLoadError(description.name, { advice });
  }
  const tried: Attempt[] = [];
  const { paths, chosen } = candidates(description);
  for (const path of paths) {
    try {
      return open(path, description.symbols);
    } catch (error) {
      if (isPermissionError(error)) throw permissionError(error);
      tried.push({ path, reason: reasonOf(error, path) });
    }
  }
  throw loadError(description, { tried, chosen });
}

/**
 * A library that opens at its first use. A failed open is not remembered: installing the package
 * and trying again works.
 */
export function lazyLibrary<Table extends SymbolTable>(
  description: LibraryDescription<Table>,
): () => NativeFunctions<Table> {
  let opened: NativeFunctions<Table> | undefined;
  return () => opened ??= openLibrary(description);
}

/**
 * A variable `extern int` of a library, read anew at every call; the library that `lazyLibrary`
 * opens is the one looked into.
 */
export function lazyVariable(
  file: LibraryFile,
  variable: { readonly name: string; readonly since: string },
): () => number {
  let value: Int32Array | undefined;
  return () => (value ??= new Int32Array(backend().viewOf(addressOf(file, variable), 4)))[0]!;
}

/** Through the C library: not every runtime can look up what is no function. */
function addressOf(
  file: LibraryFile,
  { name, since }: { readonly name: string; readonly since: string },
): Pointer {
  // Before glibc 2.34 the linker's calls were in a library of their own.
  const sonames = [...libcFile.sonames, "libdl.so.2"];
  const { dlopen, dlsym } = openLibrary({ ...libcFile, sonames, symbols: linkerSymbols });
  const tried: Attempt[] = [];
  const { paths, chosen } = candidates(file);
  for (const path of paths) {
    const library = dlopen(cString(path), RTLD_NOW);
    if (library === null) {
      tried.push({ path, reason: "dlopen failed" });
      continue;
    }
    const address = dlsym(library, cString(name));
    if (address !== null) return address;
    throw new MissingSymbolError(name, since, path);
  }
  throw loadError(file, { tried, chosen });
}

/** @returns `chosen`: a person named the only one */
function candidates(
  { sonames, override }: LibraryFile,
): { readonly paths: readonly string[]; readonly chosen: boolean } {
  const named = override && backend().environment(override);
  if (named) return { paths: [named], chosen: true };
  const inFolders = sonames.flatMap((soname) => DIRECTORIES.map((folder) => `${folder}/${soname}`));
  return { paths: [...sonames, ...inFolders], chosen: false };
}

function reasonOf(error: unknown, path: string): string {
  const text = error instanceof Error ? error.message : String(error);
  const last = text.slice(text.lastIndexOf(`${path}: `));
  return last.startsWith(`${path}: `) ? last.slice(path.length + 2) : text;
}
