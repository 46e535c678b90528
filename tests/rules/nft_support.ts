// Rules put in by a backend itself, as RuleSet does it.
import type { InstallableRule, InstalledRules, RuleBackend } from "../../src/rules/installed.ts";
import { newName } from "../../src/rules/owner.ts";
import { checkRule } from "../../src/rules/rule/checked_rule.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";

function installable(rules: Rule | readonly Rule[]): readonly InstallableRule[] {
  if (!Array.isArray(rules)) return [{ where: "", rule: checkRule(rules as Rule) }];
  return (rules as readonly Rule[]).map((rule, at) => {
    const where = `rules[${at}].`;
    return { where, rule: checkRule(rule, where) };
  });
}

/** Rules that are removed when disposed. */
export class Installed implements Disposable {
  static readonly check = installable;
  readonly name: string;
  readonly rules: InstalledRules;

  constructor(
    backend: RuleBackend,
    rules: Rule | readonly Rule[],
    { leaveChains = false, name = newName() }: {
      readonly leaveChains?: boolean;
      readonly name?: string;
    } = {},
  ) {
    this.name = name;
    const users = new Map([["root", 0]]);
    this.rules = backend.install(installable(rules), { name, users, leaveChains });
  }

  replace(rules: Rule | readonly Rule[]): void {
    this.rules.replace(installable(rules));
  }

  [Symbol.dispose](): void {
    this.rules.remove();
  }
}

export const installed = (backend: RuleBackend, rules: Rule | readonly Rule[]): Installed =>
  new Installed(backend, rules);
