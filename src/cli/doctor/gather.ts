// Gathers the facts. Nothing is changed, and no packet is lost.
import { leftoverFacts } from "./facts/leftovers.ts";
import { libraryFacts } from "./facts/libraries.ts";
import { nftFact } from "./facts/nft_support.ts";
import { processFact } from "./facts/process.ts";
import { programFacts } from "./facts/programs.ts";
import { queueSupport } from "./facts/queue_support.ts";
import { queueFacts } from "./facts/queues.ts";
import { legacyRules, nftRules } from "./facts/rules.ts";
import { runtimeFact } from "./facts/runtime.ts";
import { settingsFact } from "./facts/settings.ts";
import type { Facts } from "./terms/facts.ts";
import { queueRules } from "./rules/queue_rules.ts";

/** Looks at everything once, at queues twice. */
export async function gather(): Promise<Facts> {
  const rules = { nft: nftRules(), legacy: legacyRules() };
  const queues = await queueFacts();
  const used = new Set(queues.queues.map(({ later }) => later.queue));
  const chains = [...rules.nft.chains, ...rules.legacy.chains];
  for (const { numbers } of queueRules(chains)) {
    if (numbers === undefined) continue;
    for (let number = numbers.from; number <= numbers.to; number++) used.add(number);
  }
  return {
    runtime: runtimeFact(),
    libraries: libraryFacts(),
    programs: programFacts(),
    process: processFact(),
    queueSupport: queueSupport(used),
    nftSupport: nftFact(),
    ...{ queues, rules },
    leftovers: leftoverFacts(chains),
    settings: settingsFact(),
  };
}
