// Rules that send packets to queues that nobody owns.
import type { Facts } from "../terms/facts.ts";
import { error, type Finding, note, ok, warning } from "../terms/finding.ts";
import { type QueueRule, queueRules } from "../rules/queue_rules.ts";
import { ruleText } from "../rules/ruleset.ts";

export function checkRuleTargets({ queues, rules: { nft, legacy } }: Facts): readonly Finding[] {
  const found = unreadable(nft.problem, legacy.problem);
  // Where the owners cannot be read nothing can be said.
  if (queues.errno !== 0) return found;
  const owned = new Set(queues.queues.map(({ later }) => later.queue));
  const all = queueRules([...nft.chains, ...legacy.chains]);
  return [...found, ...all.map((rule) => judge(rule, owned))];
}

function unreadable(nft: string | undefined, legacy: string | undefined): readonly Finding[] {
  const found: Finding[] = [];
  if (nft !== undefined) {
    const message =
      `The rules of nftables could not be read (${nft}), so nothing is said about them.`;
    const advice = nft === "EPERM" ? "It takes CAP_NET_ADMIN: run doctor as root." : undefined;
    found.push(note("rules-unreadable", message, advice));
  }
  if (legacy !== undefined) {
    const message = `The rules of iptables-legacy could not be read: ${legacy}.`;
    found.push(note("legacy-rules-unreadable", message, "Run doctor as root."));
  }
  return found;
}

function judge(queueRule: QueueRule, owned: ReadonlySet<number>): Finding {
  const { chain, rule, numbers, bypass, bases } = queueRule;
  const where = ruleText(chain, rule);
  if (numbers === undefined) {
    return note(
      "queue-number-unknown",
      `The rule ${where} calculates its queue: nobody can tell ` +
        "whether each has an owner.",
    );
  }
  const free: number[] = [];
  for (let number = numbers.from; number <= numbers.to; number++) {
    if (!owned.has(number)) free.push(number);
  }
  const names = `queue ${rangesText(free)}`;
  if (free.length === 0) {
    return ok(
      "queue-rule",
      `The rule ${where} sends packets to queue ${rangesText([...range(numbers)])}, ` +
        "which has an owner.",
    );
  }
  const start = `The rule ${where} sends packets to ${names}, which nobody owns: `;
  if (bypass) {
    const advice = "Start the program that is to see them, or take the rule away.";
    return warning("queue-without-owner-bypass", `${start}they pass unseen (bypass).`, advice);
  }
  const advice =
    "Start the program that is to decide about them, give the rule bypass, or take it away.";
  const make = bases.length > 0 ? error : warning;
  return make("queue-without-owner", `${start}they are dropped.`, advice);
}

function* range({ from, to }: { readonly from: number; readonly to: number }): Generator<number> {
  for (let number = from; number <= to; number++) yield number;
}

/** `0-3, 7` */
function rangesText(numbers: readonly number[]): string {
  const parts: { from: number; to: number }[] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last?.to === number - 1) last.to = number;
    else parts.push({ from: number, to: number });
  }
  return parts.map(({ from, to }) => from === to ? `${from}` : `${from}-${to}`).join(", ");
}
