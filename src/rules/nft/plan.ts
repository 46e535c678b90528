// Which tables and chains of nf_tables a set of rules needs. Nothing is asked of the kernel here.
import type { InstallableRule, InstallOptions } from "../installed.ts";
import { checkLines } from "../rule/alternatives.ts";
import type { CheckedRule } from "../rule/checked_rule.ts";
import type { RuleHook } from "../rule/rule.ts";
import { type NftFamily, nftLines, queueStatement } from "./lines.ts";
import type { Target } from "./messages.ts";
import { type AnswerSupport, canUntrack, NOTRACK_BASE } from "./own_packets.ts";
import type { NftSupport } from "./support.ts";

/** A chain that holds the lines of one rule; base chains jump to it. */
export interface RuleChain {
  readonly lines: readonly string[];
  readonly from: InstallableRule;
}

/** A chain at a hook. */
export interface BaseChain {
  readonly hook: RuleHook;
  readonly priority: number;
  /** Keys of the rules' chains, in order; `match` is what packets must be like. */
  readonly jumps: { readonly match: string; readonly key: string }[];
}

/** What a table must hold. Names and keys are the same where the content is the same. */
export interface TablePlan {
  readonly bases: Map<string, BaseChain>;
  /** By a key: a chain that was there before is kept, and its counters with it. */
  readonly chains: Map<string, RuleChain>;
  /** Chains that send to queues by an xt target. */
  readonly targets: Map<string, Target>;
  /** Whether a rule asks conntrack. */
  conntrack: boolean;
}

/** Tables by family, and the chains of each rule in them. */
export interface Plan {
  readonly tables: ReadonlyMap<NftFamily, TablePlan>;
  /** By rule, in their order. */
  readonly chainsOf: readonly (readonly { readonly family: NftFamily; readonly key: string }[])[];
}

/** What a plan asks of the kernel. */
export type PlanSupport = Pick<NftSupport, "target"> & AnswerSupport;

/** What stands in each base chain; more in families without their own meaning for 0. */
const PRIORITY: Readonly<Record<NftFamily, number>> = { inet: 0, ip: 0, ip6: 0, bridge: -200 };

/** The tables that a rule goes to; `words` is the family that its lines are written for. */
interface Place {
  readonly family: NftFamily;
  readonly words: NftFamily;
  readonly match: string;
}
const IP: Place = { family: "ip", words: "ip", match: "" };
const IP6: Place = { family: "ip6", words: "ip6", match: "" };
const BRIDGE: Place = { family: "bridge", words: "bridge", match: "" };
const PLACES: Readonly<
  Record<NftSupport["target"], Readonly<Record<CheckedRule["family"], readonly Place[]>>>
> = {
  statement: {
    inet: [{ family: "inet", words: "inet", match: "" }],
    ipv4: [{ family: "inet", words: "ip", match: "meta nfproto ipv4 " }],
    ipv6: [{ family: "inet", words: "ip6", match: "meta nfproto ipv6 " }],
    bridge: [BRIDGE],
  },
  // The kernel's own table `inet` cannot hold xt targets.
  xt: { inet: [IP, IP6], ipv4: [IP], ipv6: [IP6], bridge: [BRIDGE] },
};

/** @throws {RangeError} naming the field that needs the statement `queue` */
export function checkForTarget(
  { where, rule }: InstallableRule,
  target: NftSupport["target"],
): void {
  if (target === "statement") return;
  const refuse = (field: string, what: string) => {
    throw new RangeError(
      `${where}${field}: ${what} needs nf_tables' statement "queue", which this kernel lacks: ` +
        "load it with modprobe nft_queue, or use a kernel built with CONFIG_NFT_QUEUE",
    );
  };
  if (rule.family === "bridge") refuse("family", '"bridge"');
  const { from, to } = rule.queue ?? { from: 0, to: 0 };
  if (rule.balance === "flow" && from !== to) refuse("balance", '"flow"');
}

/** The name of a base chain: no word of nft's. */
function baseName(hook: RuleHook, priority: number): string {
  return `at_${hook}_${priority < 0 ? "m" : ""}${Math.abs(priority)}`;
}

function targetOf({ queue = { from: 0, to: 0 }, balance, bypass }: CheckedRule): Target {
  const { from: first, to: last } = queue;
  return { first, last, bypass, fanout: balance === "cpu" && first !== last };
}

function targetName({ first, last, bypass, fanout }: Target): string {
  const words = [first, ...(last === first ? [] : [last]), ...(fanout ? ["fanout"] : [])];
  return ["to", ...words, ...(bypass ? ["bypass"] : [])].join("_");
}

/** Plans the tables. */
export function planRules(
  rules: readonly InstallableRule[],
  { users }: Pick<InstallOptions, "users">,
  support: PlanSupport,
): Plan {
  const { target } = support;
  const tables = new Map<NftFamily, TablePlan>();
  let count = 0;
  const chainsOf = rules.map((from) => {
    const { where, rule } = from;
    const xt = targetOf(rule);
    const action = target === "statement" ? queueStatement(rule) : `goto ${targetName(xt)}`;
    return PLACES[target][rule.family].flatMap(({ family, words, match }) => {
      const lines = nftLines(rule, words, { users, action, where });
      checkLines(count += lines.length, "rules");
      // Nothing of this family can fit.
      if (!lines.some((line) => line.endsWith(action))) return [];
      const table = getOr(tables, family, () => (
        { bases: new Map(), chains: new Map(), targets: new Map(), conntrack: false }
      ));
      const text = lines.join("\n");
      // Rules that are alike count each for itself.
      let key = text;
      for (let copy = 2; table.chains.has(key); copy++) key = `${text}\n${copy}`;
      table.chains.set(key, { lines, from });
      if (target === "xt") table.targets.set(targetName(xt), xt);
      if (/\bct\b/.test(text)) table.conntrack = true;
      for (const hook of rule.hooks) {
        const priority = rule.priority ?? PRIORITY[family];
        const base = getOr(table.bases, baseName(hook, priority), () => (
          { hook, priority, jumps: [] }
        ));
        base.jumps.push({ match, key });
      }
      return [{ family, key }];
    });
  });
  for (const [family, { bases }] of tables) {
    if (!canUntrack(family, support)) continue;
    const { hook, priority } = NOTRACK_BASE;
    getOr(bases, baseName(hook, priority), () => ({ hook, priority, jumps: [] }));
  }
  return { tables, chainsOf };
}

function getOr<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}
