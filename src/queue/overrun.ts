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

/** What the watch needs of its queue. */
export interface OverrunLink {
  /** Takes an event when the counters grew. */
  readonly report: (event: OverrunEvent) => void;
  /** Called behind the timer's work. */
  readonly finish: () => void;
}

/** Compares the kernel's drop counters; used only with the option `reportOverruns`. */
export class OverrunWatch {
  readonly #queue: number;
  readonly #link: OverrunLink;
  #last = { queueDropped: 0, userDropped: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;
  #stopped = false;

  constructor({ number }: Settings, link: OverrunLink) {
    this.#queue = number;
    this.#link = link;
  }

  /** After each receive: looks once a second, and a last time when the packets have stopped. */
  check(): void {
    if (this.#stopped) return;
    if (performance.now() >= this.#due) this.#look();
    else this.#timer ??= setTimeout(this.#lookLater, INTERVAL);
  }

  /** After a receive that ended with ENOBUFS. */
  interrupted(): void {
    if (!this.#look()) this.#link.report(new OverrunEvent(0, this.#last));
  }

  /** Ends the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped = true;
  }

  readonly #lookLater = (): void => {
    this.#look();
    this.#link.finish();
  };

  /** @returns whether there was something to report */
  #look(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = performance.now() + INTERVAL;
    const statistics = tryQueueStatistics(this.#queue);
    if (statistics === undefined) return false;
    const { queueDropped, userDropped } = statistics;
    const grew = queueDropped !== this.#last.queueDropped || userDropped !== this.#last.userDropped;
    this.#last = { queueDropped, userDropped };
    if (grew) this.#link.report(new OverrunEvent(0, this.#last));
    return grew;
  }
}
