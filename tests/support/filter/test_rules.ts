/**
 * Rules of a filter by iptables, for tests that look at the filter and not at RuleSet: of a rule's fields
 * these know the hooks input and output, UDP, one destination port, and the queue.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { HostRules, InstallRules } from "../../../src/filter/installed_rules.ts";
import type { Rule as FilterRule } from "../../../src/rules/rule/rule.ts";
import { Rule, udpTo } from "../network/rules.ts";

const CHAINS: Readonly<Record<string, string>> = { output: "OUTPUT", input: "INPUT" };

function install({ hook, destinationPort, queue, bypass = true, ...rest }: FilterRule): Rule {
  assert.deepEqual(rest, { protocol: "udp" });
  assert.ok(typeof hook === "string" && typeof destinationPort === "number");
  assert.ok(queue !== undefined, "the host gives every rule its queue");
  const target = typeof queue === "number"
    ? ["--queue-num", `${queue}`]
    : ["--queue-balance", `${queue.from}:${queue.to}`];
  return new Rule({
    chain: CHAINS[hook]!,
    match: udpTo(destinationPort),
    jump: ["NFQUEUE", ...target, ...(bypass ? ["--queue-bypass"] : [])],
  });
}

/** Rules that stand until they are removed; `replace` puts the new ones in before the old ones go. */
export class TestRules implements HostRules {
  #standing: readonly Rule[] = [];

  constructor(rules: readonly FilterRule[]) {
    this.replace(rules);
  }

  replace(rules: readonly FilterRule[]): void {
    const before = this.#standing;
    this.#standing = rules.map(install);
    for (const rule of before) rule[Symbol.dispose]();
  }

  remove(): void {
    this.replace([]);
  }

  /** Packets that each rule has sent to its queue. */
  get packets(): readonly number[] {
    return this.#standing.map((rule) => rule.packets);
  }
}

/** For a host. */
export const testRules: InstallRules = (rules) => new TestRules(rules);
