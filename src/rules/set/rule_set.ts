/**
 * Rules that send packets to queues, and that vanish with the program.
 *
 * @module
 */

import { checkBoolean, checkKeys, show } from "../../base/checks.ts";
import { SystemError } from "../../linux/errno.ts";
import { IPTABLES } from "../iptables/backend.ts";
import { RulesError } from "../errors.ts";
import type { InstalledRules, LeftoverRules, RuleBackend } from "../installed.ts";
import { noteAnswerRules } from "../../nfqueue/answer_rules.ts";
import { NFT } from "../nft/backend.ts";
import { newName } from "../owner.ts";
import { type Prepared, prepareRules, SYSTEM } from "./prepare.ts";
import { waitForQuietMoment } from "../quiet_moment.ts";
import { changedNow, type Removable, removeAtEnd } from "../removal.ts";
import type { Range, Rule } from "../rule/rule.ts";

/** Options of `RuleSet.install`. */
export interface RuleSetOptions {
  /** What installs the rules. By default (`"auto"`) nft, and iptables where nft cannot be used. */
  readonly backend?: "auto" | "nft" | "iptables" | undefined;
  /**
   * Leave our chains behind, empty, when the rules are removed: then no packet is lost that waits in
   * any queue of the namespace. `RuleSet.clean()` removes them later. Default false.
   */
  readonly leaveChains?: boolean | undefined;
}

/** What a rule has sent to its queue. */
export interface RuleCounter {
  /** The rule as it was given. */
  readonly rule: Rule;
  /** How many packets. */
  readonly packets: number;
  /** How many bytes, from the network header on. */
  readonly bytes: number;
}

const BACKENDS: readonly RuleBackend[] = [NFT, IPTABLES];

/**
 * Rules in the kernel, from `install` to `remove`. They are also removed when the process exits, when
 * SIGINT, SIGTERM or SIGHUP arrives, and after an uncaught error. After SIGKILL the kernel removes those
 * of nft (Linux 5.12 and later); `RuleSet.clean()` removes the others, and the next `install` does so too.
 *
 * @example Mail goes to queue 0 as long as the program runs
 * ```ts no-eval
 * import { PacketQueue, RuleSet, Verdict } from "@nfqueue/nfqueue";
 *
 * using _rules = RuleSet.install({
 *   hook: "output",
 *   protocol: "tcp",
 *   destinationPort: [25, 587],
 *   queue: 0,
 * });
 * using queue = PacketQueue.open(0);
 * await queue.run(() => Verdict.Accept);
 * ```
 */
export class RuleSet implements Disposable {
  readonly #backend: RuleBackend;
  readonly #options: Parameters<RuleBackend["install"]>[1];
  /** Undefined only as long as they are being installed. */
  readonly #installed: InstalledRules | undefined;
  readonly #forget: () => void;
  readonly #removable: Removable = {
    withdraw: () => {
      this.#withdrawn = true;
      noteAnswerRules(this, undefined);
      this.#installed?.withdraw();
    },
    remove: () => this.remove(),
  };
  /** Every queue that a rule has named; packets of earlier rules may still wait. */
  readonly #queues = new Map<string, Range<number>>();
  #prepared: Prepared;
  #removed = false;
  /** A signal has taken them out, and the program decides how to go on. */
  #withdrawn = false;

  private constructor(
    prepared: Prepared,
    { backend, leaveChains }: { readonly backend: RuleBackend; readonly leaveChains: boolean },
  ) {
    this.#backend = backend;
    this.#prepared = prepared;
    this.#noteQueues();
    this.#options = { name: newName(), leaveChains, users: prepared.users };
    // A signal that comes meanwhile must find somebody who listens: else it ends the process in the middle.
    this.#forget = removeAtEnd(this.#removable);
    try {
      this.#installed = backend.install(prepared.rules, this.#options);
    } catch (error) {
      this.#forget();
      throw error;
    }
    this.#noteAnswers();
    changedNow(this.#removable);
  }

  /**
   * Installs rules. All of them, or none when it throws.
   *
   * @throws {TypeError | RangeError} naming the field, before anything is installed
   * @throws {RulesError} where neither nft nor iptables can be used
   * @throws {SystemError | LibraryLoadError}
   */
  static install(rules: Rule | readonly Rule[], options: RuleSetOptions = {}): RuleSet {
    checkKeys("options", options, ["backend", "leaveChains"]);
    const leaveChains = checkBoolean("leaveChains", options.leaveChains ?? false);
    const wanted = options.backend ?? "auto";
    const candidates = BACKENDS.filter(({ name }) => wanted === "auto" || wanted === name);
    if (candidates.length === 0) {
      throw new RangeError(`backend must be "auto", "nft" or "iptables", got ${show(wanted)}`);
    }
    const prepared = prepareRules(rules, SYSTEM);
    const backend = firstUsable(candidates);
    cleanBefore(backend);
    return new RuleSet(prepared, { backend, leaveChains });
  }

  /**
   * Rules of programs that run no more and could not remove them.
   *
   * @throws {RulesError} where neither nft nor iptables can be used
   * @throws {SystemError}
   */
  static leftovers(): readonly LeftoverRules[] {
    return usable().flatMap((backend) => backend.leftovers());
  }

  /**
   * Removes the rules of programs that run no more.
   *
   * @returns what was removed
   * @throws {RulesError} where neither nft nor iptables can be used
   * @throws {SystemError} where something stays
   */
  static clean(): readonly LeftoverRules[] {
    const backends = usable().filter((backend) => backend.leftovers().length > 0);
    if (backends.length > 0) waitForQuietMoment([]);
    return backends.flatMap((backend) => backend.clean());
  }

  /** What installed them. */
  get backend(): "nft" | "iptables" {
    return this.#backend.name;
  }

  /** Whether they are in the kernel: true until `remove`, or until a signal for which the program listens. */
  get installed(): boolean {
    return !this.#removed && !this.#withdrawn;
  }

  /** The rules, as they were given. */
  get rules(): readonly Rule[] {
    return this.#prepared.given;
  }

  /**
   * Puts other rules in the place of these, in one step: each packet sees the old ones or the new ones.
   * No packet is lost that waits in a queue. A rule that was there before keeps its counter. An empty
   * list sends nothing to the queue any more, and is the way to let the queue run empty before the end.
   * Where a signal has taken the rules out, and the program goes on, this installs rules again.
   *
   * @throws {TypeError | RangeError} naming the field; the old rules are still installed
   * @throws {SystemError}
   */
  replace(rules: Rule | readonly Rule[]): void {
    const prepared = prepareRules(rules, SYSTEM);
    if (this.#removed) throw new RulesError("the rules were removed: install new ones");
    for (const [name, number] of prepared.users) {
      (this.#options.users as Map<string, number>).set(name, number);
    }
    this.#installed?.replace(prepared.rules);
    this.#noteAnswers();
    changedNow(this.#removable);
    this.#withdrawn = false;
    this.#prepared = prepared;
    this.#noteQueues();
  }

  /** Packets and bytes that each rule has sent to its queue, since it was installed. */
  counters(): readonly RuleCounter[] {
    if (this.#removed) throw new RulesError("the rules were removed, and their counters with them");
    const counts = this.#installed?.counters() ?? [];
    return this.#prepared.given.map((rule, at) => ({
      rule,
      packets: counts[at]?.packets ?? 0,
      bytes: counts[at]?.bytes ?? 0,
    }));
  }

  /**
   * Removes the rules. Idempotent. With nft it blocks until the queues of the rules are empty, a second
   * at most, and then until those of other programs are, 200 ms at most: packets that still wait are
   * lost when the kernel deletes the chains. `leaveChains` avoids that.
   *
   * @throws {SystemError} what is still there is removed at the next call, or at the end of the process
   */
  remove(): void {
    if (this.#removed) return;
    noteAnswerRules(this, undefined);
    try {
      this.#installed?.withdraw();
      // Chains of iptables hang on none of the kernel's hooks.
      if (this.#backend.name === "nft" && !this.#options.leaveChains) {
        waitForQuietMoment(this.#queues.values());
      }
    } finally {
      this.#installed?.remove();
    }
    this.#removed = true;
    this.#forget();
  }

  #noteAnswers(): void {
    noteAnswerRules(this, this.#installed?.answerRules);
  }

  #noteQueues(): void {
    for (const { rule: { queue } } of this.#prepared.rules) {
      if (queue) this.#queues.set(`${queue.from}-${queue.to}`, queue);
    }
  }

  /** The commands that a person would have typed, one a line. */
  toString(): string {
    return this.#backend.commands(this.#prepared.rules, this.#options).join("\n");
  }

  /** Removes the rules, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.remove();
  }
}

/** What others left behind, and what cannot be taken away, is no reason to have no rules. */
function cleanBefore(backend: RuleBackend): void {
  try {
    if (backend.leftovers().length === 0) return;
    waitForQuietMoment([]);
    backend.clean();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

function usable(): RuleBackend[] {
  const asked = BACKENDS.map((backend) => ({ backend, reason: backend.unusable() }));
  const backends = asked.filter(({ reason }) => reason === undefined);
  if (backends.length > 0) return backends.map(({ backend }) => backend);
  const reasons = asked.map(({ backend, reason }) => `${backend.name}: ${reason}`).join(". ");
  throw new RulesError(`nobody can tell here whether rules were left behind. ${reasons}`);
}

function firstUsable(candidates: readonly RuleBackend[]): RuleBackend {
  const reasons: string[] = [];
  for (const backend of candidates) {
    const reason = backend.unusable();
    if (reason === undefined) return backend;
    reasons.push(`${backend.name}: ${reason}`);
  }
  throw new RulesError(`rules cannot be installed here. ${reasons.join(". ")}`);
}
