/**
 * Notices that nothing ever comes: the usual reason is a missing rule.
 *
 * @module
 */

import type { QueueCounters } from "../report/counters.ts";
import { IdleEvent } from "../report/events.ts";

/** How long a reader waits for its first packet before it says so (ms). */
const PATIENCE = 3000;

/** Counts the time until the first packet, from the first wait on; speaks once. */
export class IdleWatch {
  readonly #queue: number;
  readonly #counters: Pick<QueueCounters, "received">;
  #since: number | undefined;
  #silent = false;

  constructor(queue: number, counters: Pick<QueueCounters, "received">) {
    this.#queue = queue;
    this.#counters = counters;
  }

  /** Milliseconds until there is something to say, Infinity when there never will be. */
  left(): number {
    if (this.#silent || this.#counters.received > 0) return Infinity;
    const now = performance.now();
    this.#since ??= now;
    return Math.max(0, this.#since + PATIENCE - now);
  }

  /** It has waited so many milliseconds longer. */
  age(milliseconds: number): void {
    if (this.#since !== undefined) this.#since -= milliseconds;
  }

  /** The event, when it is time for it. */
  check(): IdleEvent | undefined {
    if (this.left() > 0) return undefined;
    this.#silent = true;
    return new IdleEvent(this.#queue);
  }
}
