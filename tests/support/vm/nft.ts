/**
 * nft rules that remove themselves.
 *
 * @module
 */

import { command } from "../runtime/command.ts";

let made = 0;

/** Where a rule stands. */
export interface NftPlace {
  readonly family: "ip" | "ip6" | "inet" | "bridge";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
}

/**
 * A table of its own with one chain and one rule, gone when disposed. Where br_netfilter is loaded,
 * IP packets pass by the chains of the family bridge that stand at 0 or before: its `filter` is −200.
 */
export class NftRule implements Disposable {
  readonly #table: string;

  /** @param rule the rule in nft's words: `udp dport 53 queue num 7` */
  constructor({ family, hook }: NftPlace, rule: string) {
    this.#table = `${family} test${++made}`;
    command("nft", [
      `add table ${this.#table}; ` +
      `add chain ${this.#table} only { type filter hook ${hook} priority filter; }; ` +
      `add rule ${this.#table} only ${rule}`,
    ]);
  }

  [Symbol.dispose](): void {
    command("nft", [`delete table ${this.#table}`]);
  }
}
