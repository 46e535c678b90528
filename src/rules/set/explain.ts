// Rules in the words of a person who types them: for those who want to see, or to do it by hand.
import { IPTABLES } from "../iptables/backend.ts";
import type { InstallOptions, RuleBackend } from "../installed.ts";
import { NFT } from "../nft/backend.ts";
import { prepareRules } from "./prepare.ts";
import type { Rule } from "../rule/rule.ts";

/** Commands, or why there are none. */
export type Explanation =
  | { readonly commands: readonly string[] }
  | { readonly impossible: string };

const OPTIONS: InstallOptions = { name: "nfqueue", users: new Map(), leaveChains: false };

/**
 * What both programs would be told. Nothing is looked up or installed.
 *
 * @throws {TypeError | RangeError} naming the field
 */
export function explainRules(
  rules: Rule | readonly Rule[],
): { readonly nft: Explanation; readonly iptables: Explanation } {
  const { rules: prepared } = prepareRules(rules);
  const by = (backend: RuleBackend): Explanation => {
    try {
      return { commands: backend.commands(prepared, OPTIONS) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { impossible: error.message };
    }
  };
  return { nft: by(NFT), iptables: by(IPTABLES) };
}
