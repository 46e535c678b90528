// Rules by libnftables.
import type { RuleBackend } from "../installed.ts";
import { nftCommands } from "./commands.ts";
import { cleanNft, nftLeftovers } from "./leftovers.ts";
import { NftRules } from "./nft_rules.ts";
import { nftSupport, nftUnusable } from "./support.ts";

/** By libnftables: with its statement `queue`, or else with an xt target. */
export const NFT: RuleBackend = {
  name: "nft",
  unusable: nftUnusable,
  install: (rules, options) => new NftRules(rules, nftSupport(), options),
  leftovers: nftLeftovers,
  clean: cleanNft,
  commands: nftCommands,
};
