// Rules that a program could not remove, because it was killed.
import type { Facts } from "../terms/facts.ts";
import { type Finding, warning } from "../terms/finding.ts";

export function checkLeftoverRules({ leftovers }: Facts): readonly Finding[] {
  return leftovers.map(({ process, places }) => {
    const message = `Process ${process} runs no more, and its rules are still here: ` +
      `${places.join(", ")}.`;
    return warning("leftover-rules", message, "Remove them: nfqueue rules clean.");
  });
}
