/**
 * Files of /proc/net: those of the network namespace that this thread is in.
 *
 * @module
 */

import { ERRNO } from "../errno.ts";
import { readSystemFile, type SystemFile } from "../files.ts";

/** Reads `/proc/net/NAME`; the thread's own, since a thread may be in another namespace than its process. */
export function readNetFile(name: string): SystemFile {
  const own = readSystemFile(`/proc/thread-self/net/${name}`);
  return own.errno === ERRNO.ENOENT ? readSystemFile(`/proc/net/${name}`) : own;
}
