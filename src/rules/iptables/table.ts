// One table of iptables with chains of ours in it: how it comes from one plan to the next.
import { ERRNO, SystemError } from "../../linux/errno.ts";
import type { RuleCount } from "../installed.ts";
import type { RuleHook } from "../rule/rule.ts";
import { firstLines, rejectLines } from "./own_packets.ts";
import type { RuleChain, TableName, TablePlan } from "./plan.ts";
import { type RestoreLine, restoreTable, saveTables } from "./programs.ts";
import { deleteLines, readSaved } from "./saved.ts";

/** iptables takes names of so many characters. */
const LONGEST_NAME = 28;
/** Ends of names: of the chain at a hook, of the one that keeps conntrack, of the one that rejects. Rules have numbers. */
const ENDS: Readonly<Record<RuleHook | "conntrack" | "reject", string>> = {
  ...{ prerouting: "P", input: "I", forward: "F", output: "O", postrouting: "Q" },
  ...{ conntrack: "C", reject: "R" },
};

/** The chain that keeps conntrack, of a set of rules whose chains' names begin so. */
export function conntrackChain(prefix: string): string {
  return `${prefix}_${ENDS.conntrack}`;
}

/** What is in the kernel. */
interface State {
  readonly hooks: ReadonlyMap<RuleHook, readonly string[]>;
  /** Names of the rules' chains, by key. */
  readonly chains: ReadonlyMap<string, string>;
  readonly conntrack: boolean;
  /** Whether there is a chain that rejects what has a mark for that. */
  readonly rejects: boolean;
  /** Whether built-in chains jump to the chains at hooks. */
  readonly jumps: boolean;
}
const NOTHING: State = {
  ...{ hooks: new Map(), chains: new Map(), conntrack: false, rejects: false, jumps: true },
};

function jumpsAt(hook: RuleHook, { hooks, jumps }: State): boolean {
  return jumps && hooks.has(hook);
}

/** A table in which a set of rules has chains. */
export class IptablesTable {
  readonly name: TableName;
  readonly #prefix: string;
  #state: State = NOTHING;
  /** As it was before `change`, until `keep` or `undo`. */
  #before: State | undefined;
  /** Chains that nothing jumps to any more, and that could not be deleted yet. */
  #stale: readonly string[] = [];
  #lacksReject = false;

  /** @param prefix what the names of its chains begin with */
  constructor(name: TableName, prefix: string) {
    this.name = name;
    this.#prefix = prefix;
  }

  /**
   * Puts a plan into the table, in one step. Chains that are needed no more stay until `keep`.
   *
   * @throws {SystemError} and nothing was changed
   */
  change(plan: TablePlan | undefined): void {
    const hooks = plan?.hooks ?? new Map<RuleHook, string[]>();
    const chains = plan?.chains ?? new Map<string, RuleChain>();
    const before = this.#state;
    const names = new Map<string, string>();
    const used = new Set([...before.chains.values(), ...this.#stale]);
    for (const key of chains.keys()) {
      const name = before.chains.get(key) ?? this.#free(used);
      used.add(name);
      names.set(key, name);
    }
    const conntrack = before.conntrack || plan?.conntrack === true;
    const lines: RestoreLine[] = [];
    if (conntrack && !before.conntrack) {
      // Where the last rule that asks conntrack goes, the kernel drops what waits in queues: this one stays.
      const name = this.#chain("conntrack");
      lines.push({ text: `:${name} - [0:0]` });
      lines.push({ text: `-A ${name} -m conntrack --ctstate NEW -j RETURN` });
    }
    for (const [key, { lines: words, from }] of chains) {
      if (before.chains.has(key)) continue;
      const name = names.get(key);
      lines.push({ text: `:${name} - [0:0]` });
      const where = { from: from.where.replace(/\.$/, "") || "rule" };
      lines.push(...words.map((line) => ({ text: `-A ${name} ${line}`, ...where })));
    }
    // A hook that is needed no more keeps its chain, empty.
    const all = new Map<RuleHook, readonly string[]>();
    for (const hook of [...before.hooks.keys(), ...hooks.keys()]) {
      all.set(hook, hooks.get(hook) ?? []);
    }
    const state = { hooks: all, chains: names, conntrack, rejects: before.rejects, jumps: true };
    this.#state = this.#changeTo(state, before, lines);
    this.#before = before;
  }

  /** Whether the kernel has the target REJECT is known only once it was tried. */
  #changeTo(state: State, before: State, lines: readonly RestoreLine[]): State {
    const rejecting = rejectLines(this.name);
    if (!before.rejects && !this.#lacksReject && rejecting.length > 0) {
      const name = this.#chain("reject");
      const chain = [`:${name} - [0:0]`, ...rejecting.map((line) => `-A ${name} ${line}`)];
      const wanted = { ...state, rejects: true };
      try {
        restoreTable(this.name, [
          ...chain.map((text) => ({ text })),
          ...lines,
          ...this.#hookLines(wanted, before),
        ]);
        return wanted;
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno === ERRNO.EINTR) throw error;
      }
    }
    restoreTable(this.name, [...lines, ...this.#hookLines(state, before)]);
    this.#lacksReject = !state.rejects;
    return state;
  }

  /** Everything went well: what was there before and is not needed goes. */
  keep(): void {
    this.#stale = [...this.#stale, ...this.#leaving(this.#before, this.#state)];
    this.#before = undefined;
    try {
      this.#delete(this.#stale);
      this.#stale = [];
    } catch (error) {
      // They do no harm, and go the next time.
      if (!(error instanceof SystemError)) throw error;
    }
  }

  /** Something else went wrong: puts back what was there before `change`. */
  undo(): void {
    const before = this.#before;
    if (before === undefined) return;
    this.#before = undefined;
    const made = this.#leaving(this.#state, before);
    const hooks = [...this.#state.hooks.keys()];
    const gone = hooks.filter((hook) => !before.hooks.has(hook)).map((hook) => this.#chain(hook));
    if (this.#state.conntrack && !before.conntrack) gone.push(this.#chain("conntrack"));
    if (this.#state.rejects && !before.rejects) gone.push(this.#chain("reject"));
    restoreTable(this.name, [
      ...this.#hookLines(before, before),
      ...hooks.filter((hook) => !jumpsAt(hook, before))
        .map((hook) => ({ text: `-D ${hook.toUpperCase()} -j ${this.#chain(hook)}` })),
      ...gone.map((name) => ({ text: `-F ${name}` })),
    ]);
    this.#state = before;
    this.#delete([...gone, ...made]);
  }

  /** Whether the kernel rejects what has a mark for that. */
  get rejects(): boolean {
    return this.#state.rejects && this.#state.jumps;
  }

  /** Somebody has taken out the jumps to the chains. */
  withdrawn(): void {
    this.#state = { ...this.#state, jumps: false };
  }

  /** Packets and bytes, by the key of a rule's chain. */
  counters(): ReadonlyMap<string, RuleCount> {
    const names = new Set(this.#state.chains.values());
    const text = saveTables(this.name.version, this.name.table);
    const [saved] = readSaved(text, (chain) => names.has(chain));
    const counts = new Map<string, RuleCount>();
    for (const [key, name] of this.#state.chains) {
      counts.set(key, saved?.counts.get(name) ?? { packets: 0, bytes: 0 });
    }
    return counts;
  }

  #chain(end: keyof typeof ENDS): string {
    return `${this.#prefix}_${ENDS[end]}`;
  }

  /** The first name of a rule's chain that is not used. */
  #free(used: ReadonlySet<string>): string {
    for (let number = 0;; number++) {
      const name = `${this.#prefix}_${number.toString(36)}`;
      if (name.length > LONGEST_NAME) {
        throw new RangeError(`rules: iptables has no room for more than ${number} at once`);
      }
      if (!used.has(name)) return name;
    }
  }

  /** Fills the chains at hooks anew, and jumps to those that are new. */
  #hookLines(state: State, before: State): RestoreLine[] {
    const { hooks, chains } = state;
    const reject = state.rejects ? this.#chain("reject") : undefined;
    const lines = [...hooks].flatMap(([hook, keys]) => {
      const name = this.#chain(hook);
      return [
        `:${name} - [0:0]`,
        ...(keys.length === 0 ? [] : firstLines(reject)).map((line) => `-A ${name} ${line}`),
        ...keys.map((key) => `-A ${name} -j ${chains.get(key)}`),
        ...(!state.jumps || jumpsAt(hook, before) ? [] : [`-I ${hook.toUpperCase()} -j ${name}`]),
      ];
    });
    return lines.map((text) => ({ text }));
  }

  /** Names of rules' chains that are in one state only. */
  #leaving(from: State | undefined, to: State): string[] {
    return [...from?.chains ?? []].filter(([key]) => !to.chains.has(key)).map(([, name]) => name);
  }

  #delete(names: readonly string[]): void {
    if (names.length === 0) return;
    const lines = [...names.map((name) => `-F ${name}`), ...deleteLines(names)];
    restoreTable(this.name, lines.map((text) => ({ text })));
  }
}
