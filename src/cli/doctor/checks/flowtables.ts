// Connections whose packets pass no chain any more.
import type { Facts } from "../terms/facts.ts";
import { type Finding, note, warning } from "../terms/finding.ts";
import { queueRules } from "../rules/queue_rules.ts";
import { ruleText } from "../rules/ruleset.ts";

/** Hooks that offloaded packets do not come to. */
const PASSED_BY: readonly string[] = ["prerouting", "forward", "postrouting"];

export function checkFlowtables({ rules: { nft } }: Facts): readonly Finding[] {
  const queued = queueRules(nft.chains).some(({ bases }) =>
    bases.some(({ base }) => PASSED_BY.includes(base.hook))
  );
  return nft.chains.flatMap((chain) =>
    chain.rules.flatMap((rule) => {
      if (rule.action.kind !== "offload") return [];
      const message = `The rule ${ruleText(chain, rule)} adds connections to the flowtable ` +
        `${rule.action.flowtable}: their later packets pass no chain and come to no queue.`;
      const advice = "Leave connections out of the flowtable that a filter is to see.";
      return [(queued ? warning : note)("flowtable", message, advice)];
    })
  );
}
