/**
 * Folders and links of the system, read through the C library: under Deno that needs no permission
 * but `--allow-ffi`.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { cString, textOf } from "../../ffi/memory.ts";
import { prepareErrno, threadErrno } from "./errno.ts";
import { textAt } from "./text.ts";

/** struct dirent on 64-bit systems, of glibc and of musl: where its name is. */
const DIRENT_NAME = 19;
/** PATH_MAX */
const LONGEST = 4096n;

/** The names in a folder, or the errno of opening it. */
export type Folder =
  | { readonly names: readonly string[]; readonly errno: 0 }
  | { readonly names: undefined; readonly errno: number };

/** Lists a folder, without `.` and `..`, in the system's order. */
export function readFolder(path: string): Folder {
  const { opendir, readdir, closedir } = libc();
  prepareErrno();
  const name = cString(path);
  const folder = opendir(name);
  if (folder === null) return { names: undefined, errno: threadErrno() };
  const names: string[] = [];
  try {
    for (let entry = readdir(folder); entry !== null; entry = readdir(folder)) {
      const name = textAt(backend().offset(entry, DIRENT_NAME));
      if (name !== "." && name !== "..") names.push(name);
    }
  } finally {
    closedir(folder);
  }
  return { names, errno: 0 };
}

/** Where a symbolic link points; undefined where there is none, or it may not be read. */
export function readLink(path: string): string | undefined {
  const target = new Uint8Array(new ArrayBuffer(Number(LONGEST)));
  const length = libc().readlink(cString(path), target, LONGEST);
  return length < 0 ? undefined : textOf(target.subarray(0, length));
}
