/**
 * Where in the stack packets are queued.
 *
 * @module
 */

/** By NF_INET_* of linux/netfilter.h; those of the bridge (NF_BR_*) have the same numbers. */
const HOOKS = ["prerouting", "input", "forward", "output", "postrouting", "ingress"] as const;

/** Where in the stack a packet was queued. */
export type Hook = (typeof HOOKS)[number];

/** What a number stands for. */
export function hookName(number: number): Hook {
  return HOOKS[number] ?? "prerouting";
}
