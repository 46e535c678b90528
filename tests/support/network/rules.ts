/**
 * Firewall rules that remove themselves, and their packet counters.
 *
 * @module
 */

import { command } from "../runtime/command.ts";

/** One rule, in iptables' words. */
export interface RuleOptions {
  /** 4: iptables, 6: ip6tables. Default 4. */
  readonly family?: 4 | 6;
  /** Use iptables-legacy: the target QUEUE is one of its own, which nf_tables does not take. */
  readonly legacy?: boolean;
  /** Default `filter`. */
  readonly table?: string;
  readonly chain: string;
  /** What a packet must look like; see {@link udpTo}. */
  readonly match?: readonly string[];
  /** The target and its options; without it the rule only counts. */
  readonly jump?: readonly string[];
}

let made = 0;

/** A rule that stands until it is disposed. */
export class Rule implements Disposable {
  readonly #program: string;
  readonly #place: readonly string[];
  readonly #specification: readonly string[];
  /** A comment of its own, by which the counter is found in the listing. */
  readonly #name = `nfqueue-test-${++made}`;
  #standing = true;

  constructor(options: RuleOptions) {
    const program = options.family === 6 ? "ip6tables" : "iptables";
    this.#program = options.legacy ? `${program}-legacy` : program;
    this.#place = ["-w", "-t", options.table ?? "filter"];
    this.#specification = [
      options.chain,
      ...(options.match ?? []),
      ...["-m", "comment", "--comment", this.#name],
      ...(options.jump ? ["-j", ...options.jump] : []),
    ];
    command(this.#program, [...this.#place, "-A", ...this.#specification]);
  }

  /** Packets that have matched so far. */
  get packets(): number {
    const chain = this.#specification[0] ?? "";
    const listing = command(this.#program, [...this.#place, "-nvxL", chain]);
    const line = listing.split("\n").find((line) => line.includes(`/* ${this.#name} */`));
    if (!line) throw new Error(`rule ${this.#name} is not in ${listing}`);
    return Number(line.trim().split(/\s+/)[0]);
  }

  /** Takes the rule away; harmless when it is gone already. */
  [Symbol.dispose](): void {
    if (!this.#standing) return;
    this.#standing = false;
    command(this.#program, [...this.#place, "-D", ...this.#specification]);
  }
}

/** A rule that sends packets to a queue. */
export interface QueueRuleOptions extends Omit<RuleOptions, "jump"> {
  /** Let packets pass while nobody listens on the queue. */
  readonly bypass?: boolean;
}

/** Sends what matches to the queue with this number. */
export function queueRule(queue: number, options: QueueRuleOptions): Rule {
  const jump = ["NFQUEUE", "--queue-num", String(queue)];
  if (options.bypass) jump.push("--queue-bypass");
  return new Rule({ ...options, jump });
}

/** Matches UDP packets to this port. */
export function udpTo(port: number): string[] {
  return ["-p", "udp", "--dport", String(port)];
}

/** Matches TCP packets to this port. */
export function tcpTo(port: number): string[] {
  return ["-p", "tcp", "--dport", String(port)];
}
