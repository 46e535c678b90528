// What a backend gives back for rules that are in the kernel.
import type { AnswerRules, RejectingRule } from "../nfqueue/answer_rules.ts";
import type { CheckedRule } from "./rule/checked_rule.ts";
import type { RuleHook } from "./rule/rule.ts";

/** A rule, checked, with the number of each user that it names. */
export interface InstallableRule {
  /** How errors name it: `rules[1].`, or an empty text for a single rule. */
  readonly where: string;
  readonly rule: CheckedRule;
}

/** What all rules of a set have in common. */
export interface InstallOptions {
  /** What the names of tables and chains begin with: they tell whose rules they are. */
  readonly name: string;
  /** Numbers of the users that rules name. */
  readonly users: ReadonlyMap<string, number>;
  /** The chains are left behind, empty, when the rules go. */
  readonly leaveChains: boolean;
}

/** Packets and bytes that a rule sent to its queue. */
export interface RuleCount {
  readonly packets: number;
  readonly bytes: number;
}

/** Hooks at which the kernel can reject packets, by their numbers (NF_INET_*). */
export const REJECTING_HOOKS: Readonly<Partial<Record<RuleHook, number>>> = {
  input: 1,
  forward: 2,
  output: 3,
};

/** Where packets of a rule can be rejected. */
export function rejectingRules({ family, queue, hooks }: CheckedRule): RejectingRule[] {
  if (queue === undefined || family === "bridge") return [];
  return hooks.flatMap((name) => {
    const hook = REJECTING_HOOKS[name];
    return hook === undefined ? [] : [{ first: queue.from, last: queue.to, hook }];
  });
}

/** Rules in the kernel. No method leaves half of anything behind when it throws. */
export interface InstalledRules {
  /**
   * Puts these in the place of those that are installed, in one step. A rule that was there before
   * keeps its counter. No base chain is deleted. What was withdrawn is installed again.
   */
  replace(rules: readonly InstallableRule[]): void;
  /** What they do for answers. */
  readonly answerRules: AnswerRules;
  /** One entry for each rule, in their order. */
  counters(): readonly RuleCount[];
  /** Takes the rules out; the chains stay, so that no packet that waits is lost. Idempotent. */
  withdraw(): void;
  /** Takes the chains away too, as `leaveChains` says. Calls `withdraw` where it was not called. Idempotent. */
  remove(): void;
}

/** Rules that a process left behind. */
export interface LeftoverRules {
  /** The table of nft, or the program of iptables and its table: `inet nfqueue_…`, `iptables filter`. */
  readonly place: string;
  /** The process that made them, or the thread of a worker; it runs no more. */
  readonly process: number;
}

/** A way to install rules. */
export interface RuleBackend {
  readonly name: "nft" | "iptables";
  /** Why it cannot be used here; undefined where it can. It changes nothing, and loses no packet. */
  unusable(): string | undefined;
  /**
   * Checks everything that the kernel or a program must be asked, then installs.
   *
   * @throws {RangeError} naming the field that this backend cannot express
   * @throws {SystemError | LibraryLoadError} and nothing is left behind
   */
  install(rules: readonly InstallableRule[], options: InstallOptions): InstalledRules;
  /** Rules of processes that run no more. */
  leftovers(): readonly LeftoverRules[];
  /** Removes them, and gives back what was removed. */
  clean(): readonly LeftoverRules[];
  /** The commands that a person would have typed, one a line. */
  commands(rules: readonly InstallableRule[], options: InstallOptions): readonly string[];
}
