/**
 * File descriptors of this process and of others, as the kernel tells of them.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { libc } from "../../ffi/libc.ts";
import { NativeMemory } from "../../ffi/memory.ts";

const POLLIN = 1;
const CLOEXEC = 0o2000000;

/** How many this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Those of a process that a program started by exec would not inherit. */
export function closeOnExec(process: number | "self" = "self"): Set<number> {
  const found = new Set<number>();
  for (const name of readdirSync(`/proc/${process}/fdinfo`)) {
    const flags = flagsOf(process, name);
    if (flags !== undefined && (flags & CLOEXEC) !== 0) found.add(Number(name));
  }
  return found;
}

/** The kinds of a process's descriptors by number: `socket:[…]`, `anon_inode:[eventpoll]`, a path. */
export function descriptors(process: number | "self", read: (path: string) => string): string[] {
  return readdirSync(`/proc/${process}/fd`).map((name) => read(`/proc/${process}/fd/${name}`));
}

/** poll(2) without a wait: whether a read would find something. */
export function isReadable(descriptor: number): boolean {
  // struct pollfd: int fd; short events; short revents. struct timespec: 0 seconds.
  const memory = new NativeMemory(24);
  memory.view.setInt32(0, descriptor, true);
  memory.view.setInt16(4, POLLIN, true);
  if (libc().ppoll(memory.pointer, 1n, memory.pointerAt(8), null) < 0) {
    throw new Error(`poll(2) of descriptor ${descriptor} failed`);
  }
  const events = memory.view.getInt16(6, true);
  if ((events & ~POLLIN) !== 0) throw new Error(`poll(2) says ${events} of ${descriptor}`);
  return events === POLLIN;
}

/** undefined where it was closed meanwhile. */
function flagsOf(process: number | "self", name: string): number | undefined {
  try {
    const info = readFileSync(`/proc/${process}/fdinfo/${name}`, "utf8");
    return parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? "0", 8);
  } catch {
    return undefined;
  }
}
