// A host's rules in the kernel.
import type { Rule } from "../rules/rule/rule.ts";

/** What a host needs of a RuleSet. */
export interface HostRules {
  replace(rules: readonly Rule[]): void;
  remove(): void;
}

/** Installs rules, all of them or none. */
export type InstallRules = (rules: readonly Rule[]) => HostRules;

/** The rules of a filter, from before the first is installed until all are gone. */
export class InstalledRules {
  readonly #install: InstallRules;
  #set: HostRules | undefined;
  #rules: readonly Rule[] = [];

  constructor(install: InstallRules) {
    this.#install = install;
  }

  /** The rules as they are. */
  get rules(): readonly Rule[] {
    return this.#rules;
  }

  /**
   * Makes these the rules.
   *
   * @returns whether they are others than before
   * @throws what is wrong with them; nothing has changed
   */
  become(rules: readonly Rule[]): boolean {
    if (JSON.stringify(rules) === JSON.stringify(this.#rules)) return false;
    if (this.#set === undefined) this.#set = this.#install(rules);
    else this.#set.replace(rules);
    this.#rules = rules;
    return true;
  }

  /** Sends nothing to the queues any more. Where that fails, `remove` tells. */
  withdraw(): void {
    try {
      if (this.#rules.length > 0) this.#set?.replace([]);
    } catch {
      // A signal may have removed them, and `remove` is idempotent.
    }
    this.#rules = [];
  }

  /** The end. Idempotent. */
  remove(): void {
    const set = this.#set;
    this.#set = undefined;
    set?.remove();
  }
}
