/**
 * Firewall rules. They need no undoing: they end with the private network.
 *
 * @module
 */

import { spawnSync } from "node:child_process";

export type Family = 4 | 6;

const PROGRAMS = { 4: "iptables", 6: "ip6tables" } as const;

/** Runs iptables or ip6tables with these words, as a person would type them. */
export function iptables(family: Family, words: string): string {
  const program = PROGRAMS[family];
  const { error, status, stdout, stderr } = spawnSync(program, ["-w", "10", ...words.split(" ")], {
    encoding: "utf8",
    timeout: 15_000,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${words}: ${stderr.trim()}`);
  return stdout;
}

/** A rule that does nothing but count what leaves with this mark. */
export class MarkCounter {
  readonly #family: Family;
  readonly #comment: string;

  constructor(family: Family, mark: number) {
    this.#family = family;
    this.#comment = `marked-${mark}`;
    const match = `-m mark --mark ${mark} -m comment --comment ${this.#comment}`;
    iptables(family, `-t mangle -A POSTROUTING ${match}`);
  }

  /** Packets so far. */
  get packets(): number {
    const rules = iptables(this.#family, "-t mangle -nvxL POSTROUTING").split("\n");
    const rule = rules.find((line) => line.includes(`/* ${this.#comment} */`));
    return Number(rule?.trim().split(/\s+/)[0]);
  }
}
