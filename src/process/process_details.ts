/**
 * A process, as /proc tells of it, and whether it still is what was told.
 *
 * @module
 */

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

/** A process that was looked at, and by which descriptor it has the socket. */
export interface SeenProcess {
  readonly told: SocketProcess;
  readonly holder: SocketHolder;
  readonly inode: number;
  /** The link to its executable. */
  readonly executable: string | undefined;
  /** The bytes of its command line. */
  readonly words: Uint8Array;
}

/** Looks at a process; undefined where it is gone. */
export function seeProcess(holder: SocketHolder, inode: number): SeenProcess | undefined {
  const { id } = holder;
  const found = findProcess(id);
  if (found === undefined) return undefined;
  const executable = readLink(`/proc/${id}/exe`);
  const words = readCommand(id).slice();
  const deleted = executable?.endsWith(DELETED) ?? false;
  const told: SocketProcess = {
    ...{ id, parent: found.parent, started: found.started, name: found.name },
    program: deleted ? executable!.slice(0, -DELETED.length) : executable,
    programDeleted: deleted,
    commandLine: Object.freeze(wordsOf(words)),
    ...{ cgroup: cgroupOf(id), user: userOf(id), otherMounts: hasOtherMounts(id) },
  };
  return { told: Object.freeze(told), holder, inode, executable, words };
}

/**
 * Whether it still has the socket, and still runs the same program with the same words. Its number cannot
 * be another process's by now: that one would not have the socket.
 */
export function isUnchanged({ holder, inode, executable, words }: SeenProcess): boolean {
  if (!holdsAt(holder, inode)) return false;
  if (readLink(`/proc/${holder.id}/exe`) !== executable) return false;
  const now = readCommand(holder.id);
  if (now.length !== words.length) return false;
  for (let at = 0; at < words.length; at++) if (now[at] !== words[at]) return false;
  return true;
}

/** The bytes of a command line, until the next call. */
function readCommand(id: number): Uint8Array {
  return buffer.subarray(0, Math.max(0, readFileStart(`/proc/${id}/cmdline`, buffer)));
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
