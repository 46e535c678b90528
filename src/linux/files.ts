/**
 * Small system files, read through the C library: under Deno that needs no permission but
 * `--allow-ffi`.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "./errno.ts";
import { disposing } from "../base/disposing.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { cString } from "../../ffi/memory.ts";

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
  return disposing(new OpenFile(path), (file) => file.read());
}

/**
 * Reads the first bytes of a file, as many as there is room for.
 *
 * @returns their number; -1 where it cannot be opened or read
 */
export function readFileStart(path: string, into: Uint8Array<ArrayBuffer>): number {
  const { open, pread, close } = libc();
  const descriptor = open(cString(path), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  const count = pread(descriptor, into, BigInt(into.length), 0n);
  close(descriptor);
  return count;
}

/** A file that is kept open, so that it can be read again when no descriptor is left. */
export class OpenFile implements Disposable {
  /** 0, or the errno of opening it. */
  readonly errno: number;
  #descriptor: number;

  constructor(path: string) {
    prepareErrno();
    const name = cString(path);
    this.#descriptor = libc().open(name, O_RDONLY | O_CLOEXEC);
    this.errno = this.#descriptor < 0 ? threadErrno() : 0;
  }

  /** What it holds now. */
  read(): SystemFile {
    if (this.#descriptor < 0) return { text: undefined, errno: this.errno || ERRNO.EBADF };
    const { pread } = libc();
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(new ArrayBuffer(CHUNK));
    let text = "";
    for (let at = 0; at < MOST;) {
      const count = pread(this.#descriptor, buffer, BigInt(CHUNK), BigInt(at));
      if (count <= 0) break;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
      at += count;
    }
    return { text, errno: 0 };
  }

  [Symbol.dispose](): void {
    if (this.#descriptor >= 0) libc().close(this.#descriptor);
    this.#descriptor = -1;
  }
}
