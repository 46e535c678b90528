/**
 * Verdicts and marks.
 *
 * @module
 */

import { NF_VERDICT, NF_VERDICT_FLAG_QUEUE_BYPASS } from "../../netlink/queue/numbers.ts";
import type { ConntrackOptions, VlanOptions } from "./changes.ts";

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

/**
 * A packet mark (nfmark) in host order, 0…0xffffffff: a number replaces the whole mark,
 * `{ value, mask }` only the bits that are set in `mask`.
 */
export type Mark = number | { readonly value: number; readonly mask: number };

/** Options that every verdict but drop takes. What is absent stays as it is. */
export interface VerdictOptions {
  /** The mark the packet goes on with. */
  readonly mark?: Mark | undefined;
  /** Its new priority (skb->priority), 0…0xffffffff; kernels before 5.18 ignore it. */
  readonly priority?: number | undefined;
  /** The VLAN tag that it goes on with; bridge family only. */
  readonly vlan?: VlanOptions | undefined;
  /** Its new layer-2 header, as long as its own; bridge family only. */
  readonly layer2Header?: Uint8Array | undefined;
  /** Changes of its connection tracking entry; needs the queue's option `conntrack`. */
  readonly conntrack?: ConntrackOptions | undefined;
}

/** The names of those options. */
export const VERDICT_KEYS: readonly string[] = [
  "mark",
  "priority",
  "vlan",
  "layer2Header",
  "conntrack",
] satisfies (keyof VerdictOptions)[];

/** Stands for "leave the mark alone" where a plain number travels. */
export const NO_MARK = -1;

/**
 * The mark to send.
 *
 * @throws {TypeError | RangeError} when it is not a 32-bit unsigned integer
 */
export function resolveMark(mark: Mark | undefined, current: () => number): number {
  if (mark === undefined) return NO_MARK;
  if (typeof mark === "number") return checkUint32("mark", mark);
  if (typeof mark !== "object" || mark === null) {
    throw new TypeError(`mark must be a number or { value, mask }, got ${String(mark)}`);
  }
  const value = checkUint32("mark.value", mark.value);
  const mask = checkUint32("mark.mask", mark.mask);
  return ((current() & ~mask) | (value & mask)) >>> 0;
}

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

/** @throws {TypeError | RangeError} when it is not a 32-bit unsigned integer */
export function checkUint32(name: string, value: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number, got ${typeof value}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`${name} must be an integer from 0 to 0xffffffff, got ${value}`);
  }
  return value;
}
