// Rules of this system's kernel. The host does not import them: a test has none.
import { RuleSet } from "../rules/set/rule_set.ts";
import type { InstallRules } from "./installed_rules.ts";

/** Installs them. */
export const installRules: InstallRules = (rules) => RuleSet.install(rules);
