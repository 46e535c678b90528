/**
 * Notices that a reader stands still because the program holds as many packets as it may.
 *
 * @module
 */

import { ExhaustedEvent } from "./events.ts";

/** How long a reader may stand still before it says so (ms). */
const PATIENCE = 2000;

/** Counts the time without room; speaks once each time it gets that long. */
export class ExhaustionWatch {
  readonly #report: (event: ExhaustedEvent) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(report: (event: ExhaustedEvent) => void) {
    this.#report = report;
  }

  /** There is no room; `held` packets take it. */
  start(queue: number, held: number): void {
    this.#timer ??= setTimeout(() => {
      this.#report(new ExhaustedEvent(queue, { held, milliseconds: PATIENCE }));
    }, PATIENCE);
  }

  /** There is room again, or nobody wants it any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
