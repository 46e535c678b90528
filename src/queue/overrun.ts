/**
 * Packets lost before the program saw them, as far as only the kernel knows: the drop counters.
 *
 * @module
 */

import { OverrunEvent } from "./events.ts";
import type { Settings } from "./options.ts";
import { tryQueueStatistics } from "./statistics.ts";

/** How often the counters are read (ms). */
const INTERVAL = 1000;

/** Compares the kernel's drop counters; used only with the option `reportOverruns`. */
export class OverrunWatch {
  readonly #queue: number;
  #last = { queueDropped: 0, userDropped: 0 };
  #due = 0;

  constructor({ number }: Settings) {
    this.#queue = number;
  }

  /** An event when the counters grew and the last look is a second ago. */
  check(): OverrunEvent | undefined {
    if (performance.now() < this.#due) return undefined;
    return this.#read();
  }

  /** The event for a receive that ended with ENOBUFS. */
  interrupted(): OverrunEvent {
    return this.#read() ?? new OverrunEvent(0, this.#last);
  }

  #read(): OverrunEvent | undefined {
    this.#due = performance.now() + INTERVAL;
    const statistics = tryQueueStatistics(this.#queue);
    if (statistics === undefined) return undefined;
    const { queueDropped, userDropped } = statistics;
    const grew = queueDropped !== this.#last.queueDropped || userDropped !== this.#last.userDropped;
    this.#last = { queueDropped, userDropped };
    return grew ? new OverrunEvent(0, this.#last) : undefined;
  }
}
