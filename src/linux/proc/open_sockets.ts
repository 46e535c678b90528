/**
 * Which processes have which sockets open: the links of /proc/PID/fd, as proc_pid_fd(5) describes them.
 *
 * @module
 */

import { libc } from "../../../ffi/libraries/libc.ts";
import { ERRNO, prepareErrno, threadErrno } from "../errno.ts";

/** A descriptor of a process. */
export interface SocketHolder {
  readonly id: number;
  readonly descriptor: number;
}

/** All sockets that some process was seen to have open. */
export interface OpenSockets {
  /** By inode, which is unique on the machine: in the order of process ids, at most once a process. */
  readonly holders: ReadonlyMap<number, readonly SocketHolder[]>;
  /** Processes whose descriptors may not be looked at. */
  readonly hidden: number;
}

/** What may not be looked at: `"hidden"`; what is no longer there: `"gone"`. */
export type Look = "seen" | "hidden" | "gone";

/** `socket:[INODE]` */
const PREFIX = new TextEncoder().encode("socket:[");
const PROC = new TextEncoder().encode("/proc/");
const FD = new TextEncoder().encode("/fd/");
const ZERO = 48;
const CLOSE = 93;
/** struct dirent on 64-bit systems: its length, and its name. A record has 24 bytes at least. */
const DIRENT = { length: 16, name: 19, least: 24 } as const;
const LEAST = BigInt(DIRENT.least);
/** An inode has 32 bits, but here for one more. */
const TARGET = 64n;

/** A link that may not be read. */
const DENIED = -1;

// One memory for all: nothing here calls back between its being written and its being read.
const path = new Uint8Array(new ArrayBuffer(64));
const target = new Uint8Array(new ArrayBuffer(Number(TARGET)));
const entry = new Uint8Array(new ArrayBuffer(280));

path.set(PROC);

/** Looks into processes, once into each. It costs some microseconds a descriptor. */
export function scanSockets(processes: Iterable<number>): OpenSockets {
  const holders = new Map<number, SocketHolder[]>();
  let hidden = 0;
  for (const id of processes) {
    const look = visitSockets(id, (inode, descriptor) => {
      const known = holders.get(inode);
      if (known === undefined) holders.set(inode, [{ id, descriptor }]);
      else if (known.at(-1)!.id !== id) known.push({ id, descriptor });
    });
    if (look === "hidden") hidden++;
  }
  return { holders, hidden };
}

/** Looks at the sockets of one process, and hands over the inode and the descriptor of each. */
export function visitSockets(
  id: number,
  visit: (inode: number, descriptor: number) => void,
): Look {
  const { opendir, readdir, closedir, memcpy } = libc();
  prepareErrno();
  const start = writeFolder(id);
  path[start] = 0;
  const folder = opendir(path);
  if (folder === null) {
    const errno = threadErrno();
    return errno === ERRNO.ENOENT || errno === ERRNO.ESRCH ? "gone" : "hidden";
  }
  let look: Look = "seen";
  try {
    for (let at = readdir(folder); at !== null; at = readdir(folder)) {
      memcpy(entry, at, LEAST);
      const length = entry[DIRENT.length]! | entry[DIRENT.length + 1]! << 8;
      if (length > DIRENT.least && length <= entry.length) memcpy(entry, at, BigInt(length));
      const descriptor = numberIn(entry, DIRENT.name, 0);
      if (descriptor < 0) continue;
      const inode = socketBehind(start, descriptor);
      if (inode > 0) visit(inode, descriptor);
      // The folder of a process can be read that has more capabilities than this one; its links cannot.
      else if (inode === DENIED) look = "hidden";
    }
  } finally {
    closedir(folder);
  }
  return look;
}

/** Whether a process has this socket open; undefined where that may not be looked at. */
export function socketHeldBy(id: number, inode: number): boolean | undefined {
  let held = false;
  const look = visitSockets(id, (found) => held ||= found === inode);
  return look === "seen" ? held : undefined;
}

/** Whether a descriptor still is that socket. */
export function holdsAt({ id, descriptor }: SocketHolder, inode: number): boolean {
  return socketBehind(writeFolder(id), descriptor) === inode;
}

/** Writes `/proc/PID/fd/` into `path`; where it ends. */
function writeFolder(id: number): number {
  const end = writeNumber(PROC.length, id);
  path.set(FD, end);
  return end + FD.length;
}

/** The inode behind a descriptor of the folder that is written; 0 where it is no socket, or {@linkcode DENIED}. */
function socketBehind(start: number, descriptor: number): number {
  path[writeNumber(start, descriptor)] = 0;
  const length = libc().readlink(path, target, TARGET);
  if (length < 0) {
    const errno = threadErrno();
    return errno === ERRNO.EACCES || errno === ERRNO.EPERM ? DENIED : 0;
  }
  if (length <= PREFIX.length || target[0] !== PREFIX[0]) return 0;
  for (let at = 1; at < PREFIX.length; at++) if (target[at] !== PREFIX[at]) return 0;
  return Math.max(0, numberIn(target, PREFIX.length, CLOSE));
}

/** Writes the digits of a number into `path`; where they end. */
function writeNumber(start: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let rest = value;
  for (let at = start + digits - 1; at >= start; at--) {
    path[at] = ZERO + rest % 10;
    rest = Math.floor(rest / 10);
  }
  return start + digits;
}

/** The number whose digits end with a byte; -1 where there are others. */
function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start;; at++) {
    const byte = bytes[at]!;
    if (byte === end) return at === start ? -1 : value;
    if (byte < ZERO || byte > ZERO + 9) return -1;
    value = value * 10 + byte - ZERO;
  }
}
