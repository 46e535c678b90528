/**
 * Flags of descriptors that a C library has opened.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Has a descriptor closed in child processes: one of them would keep a queue bound. */
export function closeOnExec(descriptor: number): void {
  libc().fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}
