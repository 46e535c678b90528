// Whose rules they are: names of tables and chains tell the process that made them. In a worker it is the
// thread: each numbers its sets by itself, and Linux counts threads and processes alike.
import { readLink } from "../linux/directories.ts";
import { ERRNO, prepareErrno, threadErrno } from "../linux/errno.ts";
import { findProcess, ownThread } from "../linux/proc/processes.ts";
import { libc } from "../../ffi/libraries/libc.ts";

/** What a name says about the process that made it. */
export interface Owner {
  readonly process: number;
  /** `"elsewhere"`: it counts processes in another namespace, so that nobody here can tell. */
  readonly state: "running" | "gone" | "elsewhere";
}

/** In the 36 digits 0-9a-z: process or thread, time of its start, namespace of processes, number of the set. */
const NAME = /^nfq_([0-9a-z]+)_([0-9a-z]+)_([0-9a-z]+)_([0-9a-z]+)(?=$|_)/;

/** PID_MAX_LIMIT of linux/threads.h. */
const MOST_PROCESSES = 2 ** 22;

/** The time of a start that /proc did not tell: there was none, or no descriptor was left. */
const UNKNOWN = 0;

let made = 0;

/**
 * A name for a new set of rules: letters, digits and `_`, 25 at most for the first 1,296 sets. More may
 * follow behind another `_`.
 */
export function newName(): string {
  const id = ownNumber();
  const digits = (number: number) => number.toString(36);
  const parts = [digits(id), digits(startOf(id) ?? UNKNOWN), ownNamespace(), digits(made++)];
  return `nfq_${parts.join("_")}`;
}

/** Whose name that is; undefined for a name that is none of ours. */
export function ownerOf(name: string): Owner | undefined {
  const [, id = "", start = "", namespace = ""] = NAME.exec(name) ?? [];
  if (id === "") return undefined;
  const number = parseInt(id, 36);
  if (number > MOST_PROCESSES) return undefined;
  if (namespace !== ownNamespace()) return { process: number, state: "elsewhere" };
  prepareErrno();
  const exists = libc().kill(number, 0) === 0 || threadErrno() === ERRNO.EPERM;
  // Where /proc hides it, or hid it from its maker, a process of that number counts as that process.
  const begun = startOf(number);
  const named = parseInt(start, 36);
  const runs = begun === undefined || (named === UNKNOWN && begun >= 0) ? exists : begun === named;
  return { process: number, state: runs ? "running" : "gone" };
}

/** The number of this thread: that of the process, but for workers. */
function ownNumber(): number {
  return ownThread() ?? libc().getpid();
}

/** When a process began, in ticks since the machine did; -1 where it has ended, undefined where /proc tells nothing. */
function startOf(id: number): number | undefined {
  const found = findProcess(id);
  // A zombie has closed everything, and only waits for its parent.
  return found?.state === "ended" ? -1 : found?.started;
}

/** The last digits of the number of the namespace of processes. */
function ownNamespace(): string {
  const [number] = /\d+/.exec(readLink("/proc/self/ns/pid") ?? "") ?? ["0"];
  return (Number(number) % 36 ** 4).toString(36);
}
