// What nf_tables can do for rules, asked by a transaction that the kernel undoes.
import { SystemError } from "../../../linux/errno.ts";
import { nftSupport } from "../../../rules/nft/support.ts";
import type { NftFact } from "../terms/facts.ts";

/** Asks the kernel. */
export function nftFact(): NftFact {
  try {
    return nftSupport();
  } catch (error) {
    if (error instanceof SystemError) return { problem: error.message };
    throw error;
  }
}
