/**
 * Verdicts.
 *
 * @module
 */

import { NF_VERDICT, NF_VERDICT_FLAG_QUEUE_BYPASS } from "../../netlink/queue/numbers.ts";

/**
 * What becomes of a packet, with the kernel's values (linux/netfilter.h).
 *
 * A handler returns `Drop`, `Accept`, `Repeat` or `Stop`. Sending a packet to another queue needs
 * that queue's number, so it is a method: `packet.requeue(7)`. NF_STOLEN is not for userspace.
 */
export const Verdict = {
  /** The packet is discarded. */
  Drop: 0,
  /** The packet goes on to the next rule hook. */
  Accept: 1,
  /** The packet enters the same hook again from its first rule; mark it, or it loops. */
  Repeat: 4,
  /** Accepted, and no later hook function of this hook sees it. */
  Stop: 5,
} as const;

/** One of the values of {@linkcode Verdict}. */
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Stands for "leave the mark alone" where a plain number travels. */
export const NO_MARK = -1;

/** The verdict that sends a packet to a queue. */
export function requeueVerdict(queue: number, bypass: boolean): number {
  return ((queue << 16) | (bypass ? NF_VERDICT_FLAG_QUEUE_BYPASS : 0) | NF_VERDICT.QUEUE) >>> 0;
}

/** Whether a value is a verdict that can be given without further arguments. */
export function isVerdict(value: unknown): value is Verdict {
  return value === 1 || value === 0 || value === 4 || value === 5;
}

const NAMES: Readonly<Record<Verdict, string>> = { 0: "Drop", 1: "Accept", 4: "Repeat", 5: "Stop" };

/** What a verdict is called; every one with a queue's number is "Queue". */
export function verdictName(verdict: number | undefined): string {
  return isVerdict(verdict) ? NAMES[verdict] : "Queue";
}
