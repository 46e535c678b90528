/**
 * Where in the stack packets are queued.
 *
 * @module
 */

import { show } from "../../base/checks.ts";

/** Where in the stack a packet was queued. */
export type Hook = "prerouting" | "input" | "forward" | "output" | "postrouting" | "ingress";

/** By NF_INET_* of linux/netfilter.h; those of the bridge (NF_BR_*) have the same numbers. */
const HOOKS: readonly Hook[] = [
  ...["prerouting", "input", "forward", "output", "postrouting", "ingress"] as const,
];

/** What a number stands for. */
export function hookName(number: number): Hook {
  return HOOKS[number] ?? "prerouting";
}

/** @throws {RangeError} naming the field */
export function hookNumber(field: string, value: unknown): number {
  const number = HOOKS.indexOf(value as Hook);
  if (number >= 0) return number;
  throw new RangeError(`${field} must be one of ${HOOKS.join(", ")}, got ${show(value)}`);
}
