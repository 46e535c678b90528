// One table of ours in the kernel, and the names of what is in it.
import { ERRNO, failedCall, SystemError } from "../../linux/errno.ts";
import { TOO_LARGE } from "../errors.ts";
import { type NftContext, NftRefusal } from "./context.ts";
import type { CheckedRule } from "../rule/checked_rule.ts";
import type { NftFamily } from "./lines.ts";
import { checkMatches } from "./matches.ts";
import {
  deleteTable,
  type ListedRule,
  listRules,
  newChain,
  newQueueRule,
  newTable,
  ruleOf,
  type TableName,
} from "./messages.ts";
import { type AnswerSupport, firstLines, REJECT_CHAIN, rejectLines } from "./own_packets.ts";
import type { RuleChain, TablePlan } from "./plan.ts";

/** An unhooked rule that asks conntrack keeps its hooks: else they would go with the last such rule, and
 * with them every packet that waits. */
const CONNTRACK_CHAIN = "keep_conntrack";

/** nft's words for a chain at a hook. */
export function baseChainWords({ hook, priority }: { hook: string; priority: number }): string {
  return `{ type filter hook ${hook} priority ${priority}; policy accept; }`;
}

/** A table, and what was put in it. */
export class NftTable {
  readonly #context: NftContext;
  readonly #name: TableName;
  readonly #owned: boolean;
  readonly #support: AnswerSupport;
  #made = false;
  #conntrack = false;
  #rejects = false;
  #number = 0;
  /** Names of chains by their keys. */
  #chains: ReadonlyMap<string, string> = new Map();
  #targets: ReadonlySet<string> = new Set();
  readonly #bases = new Set<string>();

  constructor(
    context: NftContext,
    name: TableName,
    { owned, support }: { readonly owned: boolean; readonly support: AnswerSupport },
  ) {
    this.#context = context;
    this.#name = name;
    this.#owned = owned;
    this.#support = support;
  }

  /** `inet nfq_…` */
  get place(): string {
    return `${this.#name.family} ${this.#name.table}`;
  }

  /** Whether nothing is in it that a packet could come to. */
  get isFresh(): boolean {
    return this.#bases.size === 0;
  }

  /**
   * Makes the chains that no packet comes to yet.
   *
   * @returns the change that has begun
   * @throws {RangeError | SystemError} naming the rule, and all is as it was
   */
  prepare(plan: TablePlan): TableChange {
    const change = new TableChange(this.#chains, this.#targets);
    if (!this.#made && plan.chains.size === 0) return change;
    try {
      this.#prepareTargets(plan, change);
      if (plan.conntrack && !this.#conntrack) this.#keepConntrack();
      if (!this.#rejects) this.#prepareReject();
      this.#prepareChains(plan, change);
    } catch (error) {
      this.undo(change);
      throw error;
    }
    return change;
  }

  #keepConntrack(): void {
    try {
      this.#context.run([
        `add chain ${this.place} ${CONNTRACK_CHAIN}`,
        `add rule ${this.place} ${CONNTRACK_CHAIN} ct state new`,
      ]);
    } catch (error) {
      throw error instanceof NftRefusal ? refused(error, "conntrack (modprobe nft_ct):") : error;
    }
    this.#conntrack = true;
  }

  /** Made once: base chains jump to it as long as there are rules. */
  #prepareReject(): void {
    const lines = rejectLines(this.#name.family, this.#support);
    if (lines.length === 0) return;
    const chain = `${this.place} ${REJECT_CHAIN}`;
    try {
      this.#context.run([
        `add chain ${chain}`,
        ...lines.map((line) => `add rule ${chain} ${line}`),
      ]);
    } catch (error) {
      throw error instanceof NftRefusal ? refused(error, "reject (modprobe nft_reject):") : error;
    }
    this.#rejects = true;
  }

  #prepareTargets(plan: TablePlan, change: TableChange): void {
    const { socket } = this.#context;
    if (!this.#made) this.#makeTable();
    this.#made = true;
    const fresh = [...plan.targets].filter(([chain]) => !this.#targets.has(chain));
    socket.commit(fresh.flatMap(([chain, target]) => [
      newChain(this.#name, chain),
      newQueueRule({ ...this.#name, chain }, target, { kind: "target" }),
    ]));
    change.targets = new Set(plan.targets.keys());
    for (const [chain] of fresh) change.made.push(chain);
  }

  #makeTable(): void {
    try {
      return this.#context.run([
        `add table ${this.place}${this.#owned ? " { flags owner; }" : ""}`,
      ]);
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
    }
    // libnftables before 0.9.9 does not know owners, and would lose them: it makes its socket anew.
    this.#context.socket.commit([newTable(this.#name)]);
  }

  #prepareChains(plan: TablePlan, change: TableChange): void {
    const fresh: { readonly name: string; readonly key: string; readonly chain: RuleChain }[] = [];
    const chains = new Map<string, string>();
    for (const [key, chain] of plan.chains) {
      let name = this.#chains.get(key);
      if (name === undefined) fresh.push({ name: name = `rule_${++this.#number}`, key, chain });
      chains.set(key, name);
    }
    change.chains = chains;
    const plain = fresh.filter(({ chain }) => chain.from.rule.expression === undefined);
    const commands = plain.flatMap(({ name, chain }) => this.#chainCommands(name, chain));
    try {
      this.#context.run(commands);
      change.made.unshift(...plain.map(({ name }) => name));
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
      // Which of them it was, one by one.
      for (const { name, chain } of plain) this.#make(name, chain, change);
      throw refused(error, "");
    }
    for (const { name, key, chain } of fresh) {
      const { where, rule } = chain.from;
      if (rule.expression === undefined) continue;
      try {
        this.#make(name, chain, change);
      } catch (error) {
        // One that reads IPv4's header fits nothing in a table of IPv6.
        if (!(error instanceof RangeError) || !hasSibling(this.#name.family, rule)) throw error;
        chains.delete(key);
        change.misfits.set(key, error);
        continue;
      }
      checkMatches(`${where}expression`, chain.lines, this.rules(name));
    }
  }

  #chainCommands(name: string, { lines }: RuleChain): string[] {
    const rules = lines.map((line) => `add rule ${this.place} ${name} ${line}`);
    return [`add chain ${this.place} ${name}`, ...rules];
  }

  #make(name: string, chain: RuleChain, change: TableChange): void {
    const { where, rule } = chain.from;
    try {
      this.#context.run(this.#chainCommands(name, chain));
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
      if (rule.expression === undefined) throw refused(error, where);
      throw new RangeError(`${where}expression: nft refuses it: ${error.message}`);
    }
    change.made.unshift(name);
  }

  /** Takes away what `prepare` made. */
  undo(change: TableChange): void {
    if (!this.#made) return;
    if (this.isFresh) this.delete();
    else this.#context.run(change.made.map((name) => `delete chain ${this.place} ${name}`));
  }

  /** Commands for the base chains that are not there yet. */
  addBases(plan: TablePlan): string[] {
    return [...plan.bases].filter(([name]) => !this.#bases.has(name)).map(([name, base]) =>
      `add chain ${this.place} ${name} ${baseChainWords(base)}`
    );
  }

  /** They were added. */
  basesAdded(plan: TablePlan): void {
    for (const name of plan.bases.keys()) this.#bases.add(name);
  }

  /** Commands that lead packets to the new rules, and delete the old ones. */
  switchOver(plan: TablePlan | undefined, change: TableChange): string[] {
    const commands = this.flush();
    for (const [name, { jumps, ...base }] of plan?.bases ?? []) {
      const rules = jumps.flatMap(({ match, key }) => {
        const chain = change.chains.get(key);
        return chain === undefined ? [] : [`${match}jump ${chain}`];
      });
      commands.push(
        ...[...firstLines(base, this.#name.family, this.#support), ...rules]
          .map((rule) => `add rule ${this.place} ${name} ${rule}`),
      );
    }
    return [...commands, ...change.obsolete.map((name) => `delete chain ${this.place} ${name}`)];
  }

  /** The change is done. */
  switched(change: TableChange): void {
    this.#chains = change.chains;
    this.#targets = change.targets;
  }

  /** Commands that empty the base chains. */
  flush(): string[] {
    return [...this.#bases].map((name) => `flush chain ${this.place} ${name}`);
  }

  /** Commands that delete the rules' chains; the base chains must be empty. */
  deleteChains(): string[] {
    return [...this.#chains.values(), ...this.#targets, ...(this.#rejects ? [REJECT_CHAIN] : [])]
      .map((name) => `delete chain ${this.place} ${name}`);
  }

  /** The name of a chain. */
  chainOf(key: string): string | undefined {
    return this.#chains.get(key);
  }

  /** The rules of a chain, or of all of them. */
  rules(chain?: string): readonly ListedRule[] {
    return this.#context.socket.list(listRules(this.#name), ruleOf).filter((rule) =>
      rule.table === this.#name.table && (chain === undefined || rule.chain === chain)
    );
  }

  /** Deletes it; one that somebody else deleted is no error. */
  delete(): void {
    if (!this.#made) return;
    const { refused, errnos } = this.#context.socket.transact([deleteTable(this.#name)], {
      commit: true,
    });
    this.#made = this.#conntrack = this.#rejects = false;
    const errno = refused || errnos[0];
    if (errno && errno !== ERRNO.ENOENT) throw failedCall("nf_tables", errno);
  }
}

/** Whether the rule is in another table too. */
function hasSibling(family: NftFamily, rule: CheckedRule): boolean {
  return family !== "inet" && rule.family === "inet";
}

/** A change of a table's chains that is not in effect yet. */
export class TableChange {
  readonly #before: { readonly chains: Iterable<string>; readonly targets: Iterable<string> };
  /** Names of chains by key. */
  chains: ReadonlyMap<string, string>;
  targets: ReadonlySet<string>;
  /** Names of the chains that were made; each before those that it leads to. */
  readonly made: string[] = [];
  /** By key, why nft cannot have a rule in this table, where it may have it in another. */
  readonly misfits = new Map<string, RangeError>();

  constructor(chains: ReadonlyMap<string, string>, targets: ReadonlySet<string>) {
    this.#before = { chains: chains.values(), targets };
    this.chains = new Map();
    this.targets = new Set();
  }

  /** Names of the chains that are needed no more; each before those that it leads to. */
  get obsolete(): readonly string[] {
    const kept = new Set([...this.chains.values(), ...this.targets]);
    return [...this.#before.chains, ...this.#before.targets].filter((name) => !kept.has(name));
  }
}

/** The error for what nft refused. */
export function refused({ errno, message }: NftRefusal, where: string): SystemError {
  const said = `${where === "" ? "" : `${where} `}${message}`;
  return new SystemError("nft", {
    ...{ errno, advice: errno === ERRNO.EMSGSIZE ? `${TOO_LARGE}. nft said: ${said}` : said },
  });
}
