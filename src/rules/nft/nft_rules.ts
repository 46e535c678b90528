// Rules that nft has put into the kernel.
import { disposing } from "../../base/disposing.ts";
import type { AnswerRules } from "../../nfqueue/answer_rules.ts";
import {
  type InstallableRule,
  type InstalledRules,
  type InstallOptions,
  rejectingRules,
  type RuleCount,
} from "../installed.ts";
import { NftContext, NftRefusal } from "./context.ts";
import type { NftFamily } from "./lines.ts";
import { checkExpressionText } from "./matches.ts";
import { waitForQuietMoment } from "../quiet_moment.ts";
import { checkForTarget, type Plan, planRules, type TablePlan } from "./plan.ts";
import type { NftSupport } from "./support.ts";
import { NftTable, refused, type TableChange } from "./table.ts";

const EMPTY: TablePlan = {
  ...{ bases: new Map(), chains: new Map(), targets: new Map(), conntrack: false },
};

/** A context, and the tables of one set of rules. */
export class NftRules implements InstalledRules {
  readonly #context = new NftContext();
  readonly #support: NftSupport;
  readonly #options: InstallOptions;
  readonly #tables = new Map<NftFamily, NftTable>();
  #rules: readonly InstallableRule[] = [];
  #plan: Plan = { tables: new Map(), chainsOf: [] };
  #state: "installed" | "withdrawn" | "removed" = "installed";

  /** @throws as `install` */
  constructor(rules: readonly InstallableRule[], support: NftSupport, options: InstallOptions) {
    this.#support = support;
    this.#options = options;
    try {
      this.#install(rules);
    } catch (error) {
      if ([...this.#tables.values()].some((table) => !table.isFresh)) waitForQuietMoment([]);
      this.#deleteTables();
      throw error;
    }
  }

  replace(rules: readonly InstallableRule[]): void {
    if (this.#state === "removed") throw new Error("these rules were removed");
    this.#install(rules);
    this.#state = "installed";
  }

  #install(rules: readonly InstallableRule[]): void {
    const { target } = this.#support;
    for (const installable of rules) {
      checkForTarget(installable, target);
      const { where, rule } = installable;
      if (rule.expression !== undefined) checkExpressionText(`${where}expression`, rule.expression);
    }
    const plan = planRules(rules, this.#options, this.#support);
    const changes = this.#prepare(plan);
    const each = [...changes].map(([family, change]) => ({
      ...{ change, table: this.#table(family), planned: plan.tables.get(family) ?? EMPTY },
    }));
    try {
      // No base chain is ever in a transaction that may fail: that drops every packet that waits.
      this.#run(each.flatMap(({ table, planned }) => table.addBases(planned)));
      for (const { table, planned } of each) table.basesAdded(planned);
      this.#switch(
        each.flatMap(({ table, planned, change }) => table.switchOver(planned, change)),
        rules,
      );
    } catch (error) {
      for (const { table, change } of each) table.undo(change);
      throw error;
    }
    for (const { table, change } of each) table.switched(change);
    this.#plan = plan;
    this.#rules = rules;
  }

  /** Some expressions are for some hooks only, which the kernel finds here. */
  #switch(commands: readonly string[], rules: readonly InstallableRule[]): void {
    try {
      this.#context.run(commands);
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
      const fields = rules.filter(({ rule }) => rule.expression !== undefined)
        .map(({ where }) => `${where}expression`);
      if (fields.length === 0) throw refused(error, "");
      const which = fields.join(" or ");
      throw new RangeError(`${which}: nft refuses it at this hook: ${error.message}`);
    }
  }

  /** Makes what no packet comes to yet, in every table or in none. */
  #prepare(plan: Plan): ReadonlyMap<NftFamily, TableChange> {
    const changes = new Map<NftFamily, TableChange>();
    try {
      for (const family of new Set([...this.#tables.keys(), ...plan.tables.keys()])) {
        changes.set(family, this.#table(family).prepare(plan.tables.get(family) ?? EMPTY));
      }
      for (const chains of plan.chainsOf) {
        const misfits = chains.map(({ family, key }) => changes.get(family)?.misfits.get(key));
        if (misfits[0] !== undefined && !misfits.includes(undefined)) throw misfits[0];
      }
    } catch (error) {
      for (const [family, change] of changes) this.#table(family).undo(change);
      throw error;
    }
    return changes;
  }

  #table(family: NftFamily): NftTable {
    let table = this.#tables.get(family);
    if (table === undefined) {
      const { name, leaveChains } = this.#options;
      const owned = this.#support.owner && !leaveChains;
      table = new NftTable(this.#context, { family, table: name }, {
        owned,
        support: this.#support,
      });
      this.#tables.set(family, table);
    }
    return table;
  }

  #run(commands: readonly string[]): void {
    try {
      this.#context.run(commands);
    } catch (error) {
      throw error instanceof NftRefusal ? refused(error, "") : error;
    }
  }

  get answerRules(): AnswerRules {
    const { reject, notrack } = this.#support;
    return {
      rejecting: reject ? this.#rules.flatMap(({ rule }) => rejectingRules(rule)) : [],
      untracked: notrack && [...this.#plan.tables.keys()].some((family) => family !== "bridge"),
    };
  }

  counters(): readonly RuleCount[] {
    const counts = new Map<string, { packets: number; bytes: number }>();
    if (this.#state !== "removed") this.#count(counts);
    return this.#plan.chainsOf.map((chains) => {
      const sum = { packets: 0, bytes: 0 };
      for (const { family, key } of chains) {
        const name = this.#tables.get(family)?.chainOf(key);
        const { packets = 0, bytes = 0 } = counts.get(`${family} ${name}`) ?? {};
        sum.packets += packets;
        sum.bytes += bytes;
      }
      return sum;
    });
  }

  /** Adds up the counters of each chain. */
  #count(counts: Map<string, { packets: number; bytes: number }>): void {
    for (const [family, table] of this.#tables) {
      for (const { chain, expressions } of table.rules()) {
        const key = `${family} ${chain}`;
        const sum = counts.get(key) ?? { packets: 0, bytes: 0 };
        for (const { packets = 0, bytes = 0 } of expressions) {
          sum.packets += packets;
          sum.bytes += bytes;
        }
        counts.set(key, sum);
      }
    }
  }

  withdraw(): void {
    if (this.#state !== "installed") return;
    this.#state = "withdrawn";
    this.#forgiving([...this.#tables.values()].flatMap((table) => table.flush()));
  }

  remove(): void {
    if (this.#state === "removed") return;
    this.withdraw();
    this.#state = "removed";
    if (!this.#options.leaveChains) return this.#deleteTables();
    disposing(this.#context, () => {
      this.#forgiving([...this.#tables.values()].flatMap((table) => table.deleteChains()));
    });
  }

  /** Commands of which some may be about what somebody else has deleted. */
  #forgiving(commands: readonly string[]): void {
    try {
      this.#context.run(commands);
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
      for (const command of commands) this.#try(command);
    }
  }

  #try(command: string): void {
    try {
      this.#context.run([command]);
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
    }
  }

  #deleteTables(): void {
    // Freeing the context also removes the tables that it owns.
    const stack = new DisposableStack();
    stack.use(this.#context);
    for (const table of this.#tables.values()) stack.defer(() => table.delete());
    stack.dispose();
  }
}
