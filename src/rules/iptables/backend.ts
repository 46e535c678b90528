// Rules by iptables and ip6tables, where nft cannot be used.
import { SystemError } from "../../linux/errno.ts";
import type { RuleBackend } from "../installed.ts";
import { iptablesCommands } from "./commands.ts";
import { IptablesRules } from "./iptables_rules.ts";
import { cleanIptables, iptablesLeftovers } from "./leftovers.ts";
import { saveTables } from "./programs.ts";

/** By the programs iptables-restore and ip6tables-restore, nft or legacy. */
export const IPTABLES: RuleBackend = {
  name: "iptables",
  unusable: iptablesUnusable,
  install: (rules, options) => new IptablesRules(rules, options),
  leftovers: iptablesLeftovers,
  clean: cleanIptables,
  commands: iptablesCommands,
};

/** Why iptables cannot be used here; undefined where it can. */
function iptablesUnusable(): string | undefined {
  try {
    saveTables(4);
    return undefined;
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}
