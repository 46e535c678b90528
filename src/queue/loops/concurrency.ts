/**
 * How many undecided packets the program holds, and whether it may hold more.
 *
 * @module
 */

import { setImmediate } from "../../../ffi/turn.ts";
import { ExhaustedEvent } from "../report/events.ts";
import type { Settings } from "../settings/options.ts";

/** How long a reader may stand still before it says so (ms). */
const PATIENCE = 2000;

/** Counts packets in the program's hands; a reader that finds no room waits here. */
export class Concurrency {
  readonly #queue: number;
  readonly #most: number;
  readonly #report: (event: ExhaustedEvent) => void;
  #held = 0;
  #waiting: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param report hears of a reader that has stood still for long */
  constructor(
    { number, concurrency }: Settings,
    report: (event: ExhaustedEvent) => void,
  ) {
    this.#queue = number;
    this.#most = concurrency;
    this.#report = report;
  }

  /** Whether the program holds as many as it may. */
  get full(): boolean {
    return this.#held >= this.#most;
  }

  /** A packet was handed out. */
  take(): void {
    this.#held++;
  }

  /** One has its verdict. */
  give(): void {
    this.#held--;
    const callback = this.#waiting;
    if (callback === undefined || this.full) return;
    this.forget();
    setImmediate(callback);
  }

  /** Calls back once, when there is room. */
  when(callback: () => void): void {
    this.#waiting = callback;
    this.#timer ??= setTimeout(() => {
      this.#report(
        new ExhaustedEvent(this.#queue, { held: this.#held, milliseconds: PATIENCE }),
      );
    }, PATIENCE);
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#waiting = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
