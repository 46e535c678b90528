// Rules that iptables has put into the kernel.
import { ERRNO, SystemError } from "../../linux/errno.ts";
import { type AnswerRules, NO_ANSWER_RULES } from "../../nfqueue/answer_rules.ts";
import {
  type InstallableRule,
  type InstalledRules,
  type InstallOptions,
  rejectingRules,
  type RuleCount,
} from "../installed.ts";
import { iptablesTable } from "../rule/priorities.ts";
import { type Plan, planRules, type Version, versionsHere } from "./plan.ts";
import { takeAway } from "./removal.ts";
import { conntrackChain, IptablesTable } from "./table.ts";

/** Chains of one set of rules, in tables of both programs. */
export class IptablesRules implements InstalledRules {
  readonly #options: InstallOptions;
  /** By place: `iptables filter`. */
  readonly #tables = new Map<string, IptablesTable>();
  #rules: readonly InstallableRule[] = [];
  #plan: Plan = { tables: new Map(), chainsOf: [] };
  #state: "installed" | "withdrawn" | "removed" = "installed";

  /** @throws as `install` */
  constructor(rules: readonly InstallableRule[], options: InstallOptions) {
    this.#options = options;
    try {
      this.#install(rules);
    } catch (error) {
      // Of a program that a signal ended nobody knows how far it came.
      const unknown = error instanceof SystemError && error.errno === ERRNO.EINTR;
      throwAll(
        error,
        unknown
          ? this.#takeFrom(versionsFor(rules), { keepChains: false, keepConntrack: false })
          : [],
      );
    }
  }

  replace(rules: readonly InstallableRule[]): void {
    if (this.#state === "removed") throw new Error("these rules were removed");
    this.#install(rules);
    this.#state = "installed";
  }

  #install(rules: readonly InstallableRule[]): void {
    const plan = planRules(rules, this.#options, versionsFor(rules));
    const known = new Set(this.#tables.keys());
    for (const [place, { version, table }] of plan.tables) {
      if (known.has(place)) continue;
      this.#tables.set(place, new IptablesTable({ version, table }, this.#options.name));
    }
    const changed: IptablesTable[] = [];
    try {
      for (const [place, table] of this.#tables) {
        table.change(plan.tables.get(place));
        changed.push(table);
      }
    } catch (error) {
      for (const place of [...this.#tables.keys()].filter((one) => !known.has(one))) {
        this.#tables.delete(place);
      }
      throwAll(error, each(changed, (table) => table.undo()));
    }
    this.#plan = plan;
    this.#rules = rules;
    for (const table of changed) table.keep();
  }

  get answerRules(): AnswerRules {
    const filters = [...this.#tables.values()].filter(({ name }) => name.table === "filter");
    if (filters.length === 0 || !filters.every(({ rejects }) => rejects)) return NO_ANSWER_RULES;
    const rejecting = this.#rules.flatMap(({ rule }) => {
      const hooks = rule.hooks.filter((hook) => iptablesTable(hook, rule.priority) === "filter");
      return rejectingRules({ ...rule, hooks });
    });
    return { rejecting, untracked: false };
  }

  counters(): readonly RuleCount[] {
    const counts = new Map<string, ReadonlyMap<string, RuleCount>>();
    if (this.#state !== "removed") {
      for (const [place, table] of this.#tables) counts.set(place, table.counters());
    }
    return this.#plan.chainsOf.map((chains) => {
      const sum = { packets: 0, bytes: 0 };
      for (const { place, key } of chains) {
        const { packets = 0, bytes = 0 } = counts.get(place)?.get(key) ?? {};
        sum.packets += packets;
        sum.bytes += bytes;
      }
      return sum;
    });
  }

  withdraw(): void {
    if (this.#state !== "installed") return;
    for (const table of this.#tables.values()) table.withdrawn();
    this.#takeAway({ keepChains: true, keepConntrack: true });
    this.#state = "withdrawn";
  }

  remove(): void {
    if (this.#state === "removed") return;
    // To delete chains loses nothing, but for the one that keeps conntrack.
    this.#takeAway({ keepChains: false, keepConntrack: this.#options.leaveChains });
    this.#state = "removed";
  }

  #takeAway({ keepChains, keepConntrack }: {
    readonly keepChains: boolean;
    readonly keepConntrack: boolean;
  }): void {
    const versions = new Set([...this.#tables.values()].map((table) => table.name.version));
    throwAll(undefined, this.#takeFrom([...versions], { keepChains, keepConntrack }));
  }

  /** @returns what went wrong */
  #takeFrom(
    versions: readonly Version[],
    { keepChains, keepConntrack }: {
      readonly keepChains: boolean;
      readonly keepConntrack: boolean;
    },
  ): unknown[] {
    const { name } = this.#options;
    const conntrack = conntrackChain(name);
    const isOurs = (chain: string) =>
      chain.startsWith(`${name}_`) && !(keepConntrack && chain === conntrack);
    return each(versions, (one) => takeAway(one, { isOurs, keepChains }));
  }
}

/**
 * Where the kernel has no IPv6, rules of both versions are of IPv4 alone: there is nothing else to catch.
 *
 * @throws {RangeError} naming the field of a rule for IPv6 alone
 */
function versionsFor(rules: readonly InstallableRule[]): readonly Version[] {
  const versions = versionsHere();
  if (versions.includes(6)) return versions;
  const only = rules.find(({ rule }) => rule.family === "ipv6");
  if (only !== undefined) throw new RangeError(`${only.where}family: this kernel has no IPv6`);
  return versions;
}

/** Does it with each, whatever fails. */
function each<Value>(values: readonly Value[], action: (value: Value) => void): unknown[] {
  const errors: unknown[] = [];
  for (const value of values) {
    try {
      action(value);
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}

/** Throws what went wrong first; what else went wrong is its cause. */
function throwAll(first: unknown, more: readonly unknown[]): void {
  const errors = first === undefined ? more : [first, ...more];
  if (errors.length === 0) return;
  if (errors.length === 1) throw errors[0];
  throw new AggregateError(errors, errors.map((error) => (error as Error).message).join("; "));
}
