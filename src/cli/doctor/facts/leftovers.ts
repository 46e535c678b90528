// Rules that processes left behind, told by the names of their tables and chains.
import { ownerOf } from "../../../rules/owner.ts";
import { type ChainFact, chainText } from "../rules/ruleset.ts";
import type { LeftoverFact } from "../terms/facts.ts";

/** One for each process that runs no more. */
export function leftoverFacts(chains: readonly ChainFact[]): readonly LeftoverFact[] {
  const found = new Map<number, string[]>();
  for (const chain of chains) {
    // With nft the table is a set's own, with iptables the chains are.
    const owner = ownerOf(chain.table) ?? ownerOf(chain.name);
    if (owner?.state !== "gone") continue;
    found.set(owner.process, [...found.get(owner.process) ?? [], chainText(chain)]);
  }
  return [...found].map(([process, places]) => ({ process, places }));
}
