/**
 * Names of which there is one in a network namespace: abstract addresses of unix(7). No permission is
 * needed, and the kernel gives a name back with its descriptor.
 *
 * @module
 */

import { prepareErrno, threadErrno } from "./errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
/** struct sockaddr_un: sun_family, then sun_path, which begins with NUL for an abstract address. */
const PATH = { offset: 2, size: 108 } as const;

/**
 * Takes a name. Nobody can send anything to it.
 *
 * @param name at most 107 bytes of UTF-8
 * @returns the descriptor that keeps it, or the negative errno: EADDRINUSE when it is taken
 */
export function takeName(name: string): number {
  prepareErrno();
  const { socket, bind, close } = libc();
  const address = new Uint8Array(new ArrayBuffer(PATH.offset + PATH.size));
  address[0] = AF_UNIX;
  const { written } = new TextEncoder().encodeInto(name, address.subarray(PATH.offset + 1));
  const descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -threadErrno();
  if (bind(descriptor, address, PATH.offset + 1 + written) >= 0) return descriptor;
  const errno = threadErrno();
  close(descriptor);
  return -errno;
}

/** Gives a name back. */
export function giveName(descriptor: number): void {
  libc().close(descriptor);
}
