/**
 * Processes, as /proc tells of them.
 *
 * @module
 */

import { readFolder, readLink } from "../directories.ts";
import { readSystemFile } from "../files.ts";

/** A process that can be seen from here. */
export interface Process {
  readonly id: number;
  /** Its command's name, at most 15 characters: `comm` in proc(5). */
  readonly name: string;
  /** `"stopped"`: by a signal or a debugger. `"ended"`: it waits for its parent only. */
  readonly state: "running" | "stopped" | "ended";
  /** The id of its parent; 0 where that is not in this namespace of processes. */
  readonly parent: number;
  /** When it began, in clock ticks since the machine did. With the id it names one process only. */
  readonly started: number;
}

/** The letters of /proc/PID/stat that are not a way of running. */
const STATES: Readonly<Record<string, Process["state"]>> = {
  T: "stopped",
  t: "stopped",
  Z: "ended",
  X: "ended",
};

/** Fields of proc_pid_stat(5), counted from the state, which is the third. */
const STAT = { state: 0, parent: 1, started: 19 } as const;

/** The process with this id; undefined where there is none, or none that /proc shows. */
export function findProcess(id: number): Process | undefined {
  const { text = "" } = readSystemFile(`/proc/${id}/stat`);
  // `12 (name) S …`: the name may hold brackets and spaces.
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")];
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  return {
    id,
    name: text.slice(open + 1, close),
    state: STATES[fields[STAT.state]!] ?? "running",
    parent: Number(fields[STAT.parent]),
    started: Number(fields[STAT.started]),
  };
}

/** The ids of all processes that /proc shows, in ascending order. */
export function processIds(): readonly number[] {
  return (readFolder("/proc").names ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The id of this thread: that of the process, but for workers. Undefined where /proc does not tell. */
export function ownThread(): number | undefined {
  const [, thread] = /^\d+\/task\/(\d+)$/.exec(readLink("/proc/thread-self") ?? "") ?? [];
  return thread === undefined ? undefined : Number(thread);
}
