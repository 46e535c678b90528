// What a person would have typed to install rules.
import type { InstallableRule, InstallOptions } from "../installed.ts";
import { planRules } from "./plan.ts";
import { SKIP_OWN } from "./own_packets.ts";
import { baseChainWords } from "./table.ts";

/** Answers by the kernel are this library's own affair. */
const PLAIN = { target: "statement", reject: false, notrack: false } as const;

/** As a shell takes it for one word or several: nothing in it means anything to the shell. */
function quoted(words: string): string {
  return /^[\w ./:-]*$/.test(words) ? words : `'${words.replaceAll("'", `'\\''`)}'`;
}

/**
 * Commands for a shell, one a line, with the statement `queue`. A rule stands in the base chain itself,
 * unless packets that must not fit leave it first.
 */
export function nftCommands(
  rules: readonly InstallableRule[],
  options: InstallOptions,
): readonly string[] {
  const commands: string[] = [];
  for (const [family, { bases, chains }] of planRules(rules, options, PLAIN).tables) {
    const place = `${family} ${options.name}`;
    const add = (what: string, chain: string, words: string) =>
      commands.push(`nft add ${what} ${place} ${chain} ${quoted(words)}`.trimEnd());
    commands.push(`nft add table ${place}`);
    const names = new Map<string, string>();
    for (const [key, { lines }] of chains) {
      if (!lines.some((line) => line.endsWith(" return"))) continue;
      const name = `rule_${names.size + 1}`;
      names.set(key, name);
      add("chain", name, "");
      for (const line of lines) add("rule", name, line);
    }
    for (const [name, { jumps, ...base }] of bases) {
      add("chain", name, baseChainWords(base));
      add("rule", name, SKIP_OWN);
      for (const { match, key } of jumps) {
        const chain = names.get(key);
        const lines = chain === undefined ? chains.get(key)!.lines : [`jump ${chain}`];
        for (const line of lines) add("rule", name, `${match}${line}`);
      }
    }
  }
  return commands;
}
