/**
 * Processes, as /proc tells of them.
 *
 * @module
 */

import { readFolder, readLink } from "./directories.ts";
import { readSystemFile } from "./files.ts";

/** A process that can be seen from here. */
export interface Process {
  readonly id: number;
  /** Its command's name, at most 15 characters: `comm` in proc(5). */
  readonly name: string;
  /** `"stopped"`: by a signal or a debugger. `"ended"`: it waits for its parent only. */
  readonly state: "running" | "stopped" | "ended";
}

/** The letters of /proc/PID/stat that are not a way of running. */
const STATES: Readonly<Record<string, Process["state"]>> = {
  T: "stopped",
  t: "stopped",
  Z: "ended",
  X: "ended",
};

/** The process with this id; undefined where there is none, or none that /proc shows. */
export function findProcess(id: number): Process | undefined {
  const { text } = readSystemFile(`/proc/${id}/stat`);
  // `12 (name) S …`: the name may hold brackets and spaces.
  const [, name, letter = ""] = /^\d+ \((.*)\) (\S)/s.exec(text ?? "") ?? [];
  if (name === undefined) return undefined;
  return { id, name, state: STATES[letter] ?? "running" };
}

/** Whether a process has this socket open; undefined where that may not be looked at. */
export function holdsSocket(id: number, inode: number): boolean | undefined {
  const folder = `/proc/${id}/fd`;
  const { names } = readFolder(folder);
  const target = `socket:[${inode}]`;
  return names?.some((name) => readLink(`${folder}/${name}`) === target);
}

/** The ids of all processes that /proc shows. */
export function processIds(): readonly number[] {
  return (readFolder("/proc").names ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}
