import type { RuleFamily, RuleHook } from "./rule.ts";

/** Names of nft(8) for the order of chains at a hook: lower ones come first. */
const PRIORITIES: Readonly<Record<string, number>> = {
  ...{ raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 },
};
const BRIDGE_PRIORITIES: Readonly<Record<string, number>> = {
  ...{ dstnat: -300, filter: -200, out: 100, srcnat: 300 },
};

/** The names that a family knows. */
export function priorityNames(family: RuleFamily): readonly string[] {
  return Object.keys(family === "bridge" ? BRIDGE_PRIORITIES : PRIORITIES);
}

/** The number of a name; undefined for one that the family does not know. */
export function priorityOf(name: string, family: RuleFamily): number | undefined {
  const names = family === "bridge" ? BRIDGE_PRIORITIES : PRIORITIES;
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/** Tables of iptables: the priority and the hooks of each. */
const TABLES: readonly {
  readonly name: string;
  readonly priority: number;
  readonly hooks: readonly RuleHook[];
}[] = [
  { name: "filter", priority: 0, hooks: ["input", "forward", "output"] },
  {
    ...{ name: "mangle", priority: -150 },
    hooks: ["prerouting", "input", "forward", "output", "postrouting"],
  },
  { name: "raw", priority: -300, hooks: ["prerouting", "output"] },
];

/** The table of iptables with that priority; without one, the first that has the hook. */
export function iptablesTable(hook: RuleHook, priority: number | undefined): string | undefined {
  return TABLES.find((table) =>
    table.hooks.includes(hook) && (priority === undefined || priority === table.priority)
  )?.name;
}
