// Which chains of iptables a set of rules needs. No program is run here.
import { readSystemFile } from "../../linux/files.ts";
import type { InstallableRule, InstallOptions } from "../installed.ts";
import { checkLines } from "../rule/alternatives.ts";
import type { CheckedRule } from "../rule/checked_rule.ts";
import { iptablesTable } from "../rule/priorities.ts";
import type { RuleHook } from "../rule/rule.ts";
import { checkForIptables, iptablesLines } from "./lines.ts";

/** Of IP: iptables or ip6tables. */
export type Version = 4 | 6;

/** A table of one of the two programs. */
export interface TableName {
  readonly version: Version;
  readonly table: string;
}

/** A chain that holds the lines of one rule. */
export interface RuleChain {
  readonly lines: readonly string[];
  readonly from: InstallableRule;
}

/** What a table must hold. */
export interface TablePlan extends TableName {
  /** Keys of the rules' chains, in order, by hook. */
  readonly hooks: Map<RuleHook, string[]>;
  /** By a key: a chain that was there before is kept, and its counters with it. */
  readonly chains: Map<string, RuleChain>;
  /** Whether a rule asks conntrack. */
  conntrack: boolean;
}

/** Tables, and the chains of each rule in them. */
export interface Plan {
  /** By `placeOf`. */
  readonly tables: ReadonlyMap<string, TablePlan>;
  /** By rule, in their order. */
  readonly chainsOf: readonly (readonly { readonly place: string; readonly key: string }[])[];
}

/** Where iptables has chains at hooks, for messages. */
const TABLES =
  "it has raw (-300) at prerouting and output, mangle (-150) at all hooks, and filter (0) " +
  "at input, forward and output";

/** Those that this kernel has: without IPv6 there is nothing that ip6tables could catch. */
export function versionsHere(): readonly Version[] {
  return readSystemFile("/proc/net/if_inet6").errno === 0 ? [4, 6] : [4];
}

/** How a table is named in messages: `iptables filter`. */
export function placeOf({ version, table }: TableName): string {
  return `${programOf(version)} ${table}`;
}

/** The program's plain name. */
export function programOf(version: Version): string {
  return version === 4 ? "iptables" : "ip6tables";
}

/** @throws {RangeError} naming the field that iptables cannot express */
function tableAt({ where, rule }: InstallableRule, hook: RuleHook): string {
  const table = iptablesTable(hook, rule.priority);
  if (table !== undefined) return table;
  throw new RangeError(
    `${where}priority: iptables has no chain at ${hook} with priority ${rule.priority}: ${TABLES}`,
  );
}

const VERSIONS: Readonly<Record<CheckedRule["family"], readonly Version[]>> = {
  ...{ inet: [4, 6], ipv4: [4], ipv6: [6], bridge: [] },
};

/**
 * Plans the tables.
 *
 * @param versions those that are installed; a rule of both has only them
 * @throws {RangeError} naming the field that iptables cannot express
 */
export function planRules(
  rules: readonly InstallableRule[],
  { users }: Pick<InstallOptions, "users">,
  versions: readonly Version[] = [4, 6],
): Plan {
  const tables = new Map<string, TablePlan>();
  const tableOf = (name: TableName): TablePlan => {
    const place = placeOf(name);
    const made = tables.get(place) ??
      { ...name, hooks: new Map(), chains: new Map(), conntrack: false };
    tables.set(place, made);
    return made;
  };
  let count = 0;
  const chainsOf = rules.map((from) => {
    const { where, rule } = from;
    checkForIptables(rule, where);
    // All before the first is used: a field that cannot be is found whatever the version.
    const places = rule.hooks.map((hook) => ({ hook, table: tableAt(from, hook) }));
    const keys = new Map<string, string>();
    for (const version of VERSIONS[rule.family].filter((one) => versions.includes(one))) {
      const lines = iptablesLines(rule, version, { users, where });
      checkLines(count += lines.length, "rules");
      // Nothing of this version can fit.
      if (!lines.some((line) => line.includes("-j NFQUEUE"))) continue;
      for (const { hook, table } of places) {
        const plan = tableOf({ version, table });
        const place = placeOf(plan);
        const key = keys.get(place) ?? addChain(plan, lines, from);
        keys.set(place, key);
        plan.hooks.set(hook, [...(plan.hooks.get(hook) ?? []), key]);
      }
    }
    return [...keys].map(([place, key]) => ({ place, key }));
  });
  return { tables, chainsOf };
}

function addChain(plan: TablePlan, lines: readonly string[], from: InstallableRule): string {
  const text = lines.join("\n");
  // Rules that are alike count each for itself.
  let key = text;
  for (let copy = 2; plan.chains.has(key); copy++) key = `${text}\n${copy}`;
  plan.chains.set(key, { lines, from });
  if (/ conn(track|bytes) /.test(text)) plan.conntrack = true;
  return key;
}
