/**
 * A process, as /proc tells of it, and whether it still is what was told.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { cString } from "../../ffi/memory.ts";
import { readLink } from "../linux/directories.ts";
import { readFileStart, readSystemFile } from "../linux/files.ts";
import { holdsAt, type SocketHolder } from "../linux/proc/open_sockets.ts";
import { findProcess } from "../linux/proc/processes.ts";
import type { SocketProcess } from "./result.ts";

/** Bytes of a command line that are read. */
const LONGEST_COMMAND = 16 * 1024;
/** What the kernel writes behind the path of a file that is no longer there. */
const DELETED = " (deleted)";
const NUL = 0;

const buffer = new Uint8Array(new ArrayBuffer(LONGEST_COMMAND));
const ROOM = BigInt(LONGEST_COMMAND);

/** A process that was looked at, and by which descriptor it has the socket. */
export interface SeenProcess {
  readonly told: SocketProcess;
  readonly holder: SocketHolder;
  readonly inode: number;
  /** Paths of the link to its executable and of its command line, and what was there. */
  readonly executablePath: Uint8Array<ArrayBuffer>;
  readonly executable: Uint8Array;
  readonly wordsPath: Uint8Array<ArrayBuffer>;
  readonly words: Uint8Array;
}

/** Looks at a process; undefined where it is gone. */
export function seeProcess(holder: SocketHolder, inode: number): SeenProcess | undefined {
  const { id } = holder;
  const found = findProcess(id);
  if (found === undefined) return undefined;
  const paths = {
    executablePath: cString(`/proc/${id}/exe`),
    wordsPath: cString(`/proc/${id}/cmdline`),
  };
  const executable = readExecutable(paths.executablePath).slice();
  const words = readWords(paths.wordsPath).slice();
  const path = executable.length === 0 ? undefined : new TextDecoder().decode(executable);
  const deleted = path?.endsWith(DELETED) ?? false;
  const told: SocketProcess = {
    ...{ id, parent: found.parent, started: found.started, name: found.name },
    program: deleted ? path!.slice(0, -DELETED.length) : path,
    programDeleted: deleted,
    commandLine: Object.freeze(wordsOf(words)),
    ...{ cgroup: cgroupOf(id), user: userOf(id), otherMounts: hasOtherMounts(id) },
  };
  return { told: Object.freeze(told), holder, inode, ...paths, executable, words };
}

/**
 * Whether it still has the socket, and still runs the same program with the same words. Its number cannot
 * be another process's by now: that one would not have the socket.
 */
export function isUnchanged(seen: SeenProcess): boolean {
  return holdsAt(seen.holder, seen.inode) &&
    isSame(readExecutable(seen.executablePath), seen.executable) &&
    isSame(readWords(seen.wordsPath), seen.words);
}

/** Where a link points, until the next call; empty where that may not be read. */
function readExecutable(path: Uint8Array<ArrayBuffer>): Uint8Array {
  return buffer.subarray(0, Math.max(0, libc().readlink(path, buffer, ROOM)));
}

/** The bytes of a command line, likewise. */
function readWords(path: Uint8Array<ArrayBuffer>): Uint8Array {
  return buffer.subarray(0, Math.max(0, readFileStart(path, buffer, ROOM)));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function wordsOf(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const end = bytes.at(-1) === NUL ? bytes.length - 1 : bytes.length;
  return new TextDecoder().decode(bytes.subarray(0, end)).split("\0");
}

function cgroupOf(id: number): string | undefined {
  const lines = readSystemFile(`/proc/${id}/cgroup`).text?.trim().split("\n") ?? [];
  // `0::/path` is version 2; a line of version 1 has a number and the names of its controllers.
  const line = lines.find((line) => line.startsWith("0::")) ?? lines[0];
  const path = line === undefined ? undefined : /^\d+:[^:]*:(.*)$/.exec(line)?.[1];
  return path === "" ? undefined : path;
}

function userOf(id: number): number | undefined {
  const { text = "" } = readSystemFile(`/proc/${id}/status`);
  const user = /^Uid:\s+\d+\s+(\d+)/m.exec(text)?.[1];
  return user === undefined ? undefined : Number(user);
}

function hasOtherMounts(id: number): boolean | undefined {
  const other = readLink(`/proc/${id}/ns/mnt`);
  const own = readLink("/proc/self/ns/mnt");
  return other === undefined || own === undefined ? undefined : other !== own;
}
