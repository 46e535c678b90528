/**
 * What rules that this program has installed do for answers: a queue need not know who installs rules.
 *
 * @module
 */

/** What one set of rules does. */
export interface AnswerRules {
  /** Queues whose packets, repeated with a mark of `REJECT_MARKS`, are rejected by the kernel. */
  readonly rejecting: readonly RejectingRule[];
  /** Whether connection tracking leaves out what has the mark `UNTRACKED_MARK`. */
  readonly untracked: boolean;
}

/** Where a set of rules rejects. */
export interface RejectingRule {
  /** Queues, from the first to the last. */
  readonly first: number;
  readonly last: number;
  /** NF_INET_* of linux/netfilter.h. */
  readonly hook: number;
}

/** Rules that do nothing for answers. */
export const NO_ANSWER_RULES: AnswerRules = { rejecting: [], untracked: false };

const known = new Map<object, AnswerRules>();

/** Notes what a set of rules does from now on; undefined when it is gone. */
export function noteAnswerRules(set: object, rules: AnswerRules | undefined): void {
  if (rules === undefined) known.delete(set);
  else known.set(set, rules);
}

/** Whether a packet that came to this queue at this hook can be rejected by the kernel. */
export function kernelRejects(queue: number, hook: number): boolean {
  for (const { rejecting } of known.values()) {
    const one = rejecting.some(({ first, last, ...rule }) =>
      rule.hook === hook && first <= queue && queue <= last
    );
    if (one) return true;
  }
  return false;
}

/** Whether connection tracking leaves out what has the mark `UNTRACKED_MARK`. */
export function leavesUntracked(): boolean {
  for (const { untracked } of known.values()) if (untracked) return true;
  return false;
}
