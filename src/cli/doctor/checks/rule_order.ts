// What keeps packets from a rule that would queue them.
import type { Facts } from "../terms/facts.ts";
import { type Finding, note, warning } from "../terms/finding.ts";
import {
  type BaseChain,
  familiesMeet,
  isBase,
  type QueueRule,
  queueRules,
  reachedFrom,
} from "../rules/queue_rules.ts";
import { type ChainFact, chainText, type RuleFact, ruleText } from "../rules/ruleset.ts";

const ORDER =
  "Where the filter is to see them, give its rule a lower priority than this chain has.";

export function checkRuleOrder({ rules: { nft, legacy } }: Facts): readonly Finding[] {
  const chains = [...nft.chains, ...legacy.chains];
  const found = new Map<string, Finding>();
  for (const queueRule of queueRules(chains)) {
    for (const finding of [...hidden(queueRule), ...earlier(queueRule, chains)]) {
      found.set(finding.code + finding.message, finding);
    }
  }
  return [...found.values()];
}

/** A rule before it in its own chain that takes every packet. */
function hidden({ chain, rule }: QueueRule): readonly Finding[] {
  const before = chain.rules.slice(0, chain.rules.indexOf(rule)).find(takesAll);
  if (before === undefined) return [];
  const message =
    `No packet comes to the rule ${ruleText(chain, rule)}: ${before.place} before it takes ` +
    "all of them.";
  return [
    warning("rule-unreachable", message, "Put it before that rule (iptables -I, nft insert rule)."),
  ];
}

function takesAll({ conditional, action: { kind } }: RuleFact): boolean {
  return !conditional && ["accept", "drop", "return", "goto", "queue"].includes(kind);
}

/** Chains of the same hook that packets pass before, and that drop some. */
function earlier(
  { chain, rule, bases }: QueueRule,
  chains: readonly ChainFact[],
): readonly Finding[] {
  const later = ruleText(chain, rule);
  return bases.flatMap((base) =>
    chains.filter(isBase).filter((other) => isBefore(other, base)).flatMap((other) => {
      const name = `the chain ${
        chainText(other)
      } (${other.base.hook}, priority ${other.base.priority})`;
      if (other.base.policy === "drop" || other.rules.some(dropsAll)) {
        const message =
          `The rule ${later} sees only what ${name} accepts: it comes earlier, and drops ` +
          "everything else.";
        return [warning("earlier-drop", message, ORDER)];
      }
      const drops = [...reachedFrom(other, chains)].flatMap(({ rules }) =>
        rules.filter(({ action }) => action.kind === "drop")
      );
      if (drops.length === 0) return [];
      const message = `The rule ${later} does not see what ${name} drops: it comes earlier.`;
      return [note("earlier-drop-rule", message, ORDER)];
    })
  );
}

const dropsAll = (rule: RuleFact): boolean => takesAll(rule) && rule.action.kind === "drop";

function isBefore(other: BaseChain, base: BaseChain): boolean {
  return other !== base && other.base.hook === base.base.hook &&
    familiesMeet(other.family, base.family) && other.base.priority < base.base.priority;
}
