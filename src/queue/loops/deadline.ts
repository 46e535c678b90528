/**
 * Gives packets that stay undecided too long the deadline's verdict.
 *
 * @module
 */

import type { Arena } from "../receive/arena.ts";
import type { ArenaChain, Oldest } from "../receive/chain.ts";
import type { Settings } from "../settings/options.ts";
import type { Verdict } from "../packet/verdict.ts";

/** What a deadline needs of its queue. */
export interface DeadlineLink {
  readonly chain: ArenaChain;
  /** Gives an overdue packet its verdict. */
  readonly expire: (oldest: Oldest, verdict: Verdict) => void;
  /** Called behind the timer's work. */
  readonly finish: () => void;
}

/** Packets expire in the order in which they came, so one timer for the oldest is enough. */
export class Deadline {
  readonly #rule: NonNullable<Settings["deadline"]>;
  readonly #link: DeadlineLink;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(rule: NonNullable<Settings["deadline"]>, link: DeadlineLink) {
    this.#rule = rule;
    this.#link = link;
  }

  /** Starts a packet's time. */
  start(arena: Arena, slot: number): void {
    arena.times[slot] = performance.now();
    if (this.#timer === undefined && !this.#stopped) this.#arm(this.#rule.milliseconds);
  }

  /**
   * Decides what is overdue. A loop that blocks the thread calls this by itself.
   *
   * @returns milliseconds until the next packet is, Infinity when none waits
   */
  check(): number {
    const { milliseconds, verdict } = this.#rule;
    const { chain, expire } = this.#link;
    const now = performance.now();
    for (let oldest = chain.oldest(); oldest !== undefined; oldest = chain.oldest()) {
      const left = oldest.received + milliseconds - now;
      if (left > 0) return left;
      expire(oldest, verdict);
    }
    return Infinity;
  }

  /** Ends the timer until another packet comes: nothing waits, and it would keep the process alive. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the timer. */
  stop(): void {
    this.rest();
    this.#stopped = true;
  }

  #arm(milliseconds: number): void {
    // What expires may let more be received, which arms it too.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const left = this.check();
      if (left !== Infinity) this.#arm(left);
      this.#link.finish();
    }, Math.ceil(milliseconds));
  }
}
