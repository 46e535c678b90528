// Rules that send packets to queues, and the base chains by which packets come to them.
import type { ChainFact, QueueNumbers, RuleFact } from "./ruleset.ts";

/** A rule that sends packets to a queue. */
export interface QueueRule {
  readonly chain: ChainFact;
  readonly rule: RuleFact;
  /** Unknown where they come from a map or a calculation. */
  readonly numbers: QueueNumbers | undefined;
  readonly bypass: boolean;
  /** Base chains that lead to it, by rules that jump. A map of verdicts is not looked into. */
  readonly bases: readonly BaseChain[];
}

/** A chain that the kernel itself calls. */
export type BaseChain = ChainFact & { readonly base: NonNullable<ChainFact["base"]> };

/** Whether the kernel itself calls it. */
export function isBase(chain: ChainFact): chain is BaseChain {
  return chain.base !== undefined;
}

/** All of them. */
export function queueRules(chains: readonly ChainFact[]): readonly QueueRule[] {
  const bases = chains.filter(isBase).map((base) => ({ base, within: reachedFrom(base, chains) }));
  return chains.flatMap((chain) =>
    chain.rules.flatMap((rule): QueueRule[] => {
      if (rule.action.kind !== "queue") return [];
      const { numbers, bypass } = rule.action;
      const leading = bases.filter(({ within }) => within.has(chain)).map(({ base }) => base);
      return [{ chain, rule, numbers, bypass, bases: leading }];
    })
  );
}

/** The chain itself and all that its rules lead to. */
export function reachedFrom(
  start: ChainFact,
  chains: readonly ChainFact[],
): ReadonlySet<ChainFact> {
  const reached = new Set([start]);
  // A set goes on over what is added meanwhile.
  for (const chain of reached) {
    for (const { action } of chain.rules) {
      if (action.kind !== "jump" && action.kind !== "goto") continue;
      const next = chains.find((other) => sameTable(other, chain) && other.name === action.chain);
      if (next !== undefined) reached.add(next);
    }
  }
  return reached;
}

function sameTable(one: ChainFact, other: ChainFact): boolean {
  return one.program === other.program && one.family === other.family && one.table === other.table;
}

/** Whether packets of one family pass chains of the other. */
export function familiesMeet(one: string, other: string): boolean {
  const ip = ["ip", "ip6"];
  return one === other || (one === "inet" && ip.includes(other)) ||
    (other === "inet" && ip.includes(one));
}
