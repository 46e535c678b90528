/**
 * Small system files, read through the C library: under Deno that needs no permission but
 * `--allow-ffi`.
 *
 * @module
 */

import { prepareErrno, threadErrno } from "./errno.ts";
import { libc } from "./libc.ts";
import { cString } from "./memory.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const CHUNK = 4096;
/** A file of /proc that is longer than this is not one of ours. */
const MOST = 1 << 20;

/** The whole text of a file, or the errno of opening it. */
export type SystemFile =
  | { readonly text: string; readonly errno: 0 }
  | { readonly text: undefined; readonly errno: number };

/** Reads a file to its end. */
export function readSystemFile(path: string): SystemFile {
  prepareErrno();
  const { open, read, close } = libc();
  const name = cString(path);
  const descriptor = open(name, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const errno = threadErrno();
    return { text: undefined, errno };
  }
  try {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(new ArrayBuffer(CHUNK));
    let text = "";
    while (text.length < MOST) {
      const count = read(descriptor, buffer, BigInt(CHUNK));
      if (count <= 0) break;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    return { text, errno: 0 };
  } finally {
    close(descriptor);
  }
}
