// What a person would type for a rule.
import { explainRules, type Explanation } from "../../rules/set/explain.ts";
import { STATUS, type Surroundings, UsageError } from "../frame/command.ts";
import { parseRule } from "../words/rule_words.ts";

/** @returns 1 where neither program can express the rules */
export function explain(
  lines: readonly string[],
  { around, json }: { readonly around: Surroundings; readonly json: boolean },
): number {
  if (lines.length === 0) throw new UsageError("--rule is missing: the rule to explain");
  // The host gives the number where a rule has none.
  const rules = lines.map((line) => ({ queue: 0, ...parseRule(line) }));
  const explained = explainRules(rules.length === 1 ? rules[0]! : rules);
  if (json) around.write(`${JSON.stringify(explained, null, 2)}\n`);
  else around.write(`${textOf("nft", explained.nft)}\n${textOf("iptables", explained.iptables)}`);
  const impossible = Object.values(explained).every((one) => "impossible" in one);
  return impossible ? STATUS.failed : STATUS.done;
}

/** Text that a shell takes as it is. */
function textOf(program: string, explanation: Explanation): string {
  if ("impossible" in explanation) return `# ${program}: ${explanation.impossible}\n`;
  return `# ${program}\n${explanation.commands.map((command) => `${command}\n`).join("")}`;
}
