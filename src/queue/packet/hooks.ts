/**
 * Where in the stack packets are queued.
 *
 * @module
 */

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
