/**
 * Verdicts that wait a little so that several leave in one call, in whichever queue of this thread.
 *
 * @module
 */

import { setImmediate } from "../../ffi/turn.ts";

/** Pause before what could not be sent is tried again (ms). */
const RETRY = 10;

/** What waits in this thread. */
const waiting = new Set<DelayedFlush>();

/** Flushes what waits, as far as the kernel takes it: the thread is about to block. */
export function flushWaiting(): void {
  if (waiting.size === 0) return;
  for (const flush of waiting) flush.now();
}

/** Calls one flush later; nobody is there to hear of one that fails, so it is tried again. */
export class DelayedFlush {
  readonly #flush: () => void;
  #waiting = false;
  /** A call of `#turn` is on its way: never more than one. */
  #scheduled = false;

  /** @param flush throws where the kernel does not take what there is */
  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** Whether something waits. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Flushes at the end of this turn of the event loop. */
  soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    waiting.add(this);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /** Flushes now what waits. */
  now(): void {
    if (!this.#waiting) return;
    try {
      this.#flush();
    } catch {
      if (this.#scheduled) return;
      this.#scheduled = true;
      setTimeout(this.#turn, RETRY);
      return;
    }
    this.cancel();
  }

  /** Nothing waits any more. */
  cancel(): void {
    this.#waiting = false;
    waiting.delete(this);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.now();
  };
}
