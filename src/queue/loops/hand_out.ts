/**
 * The one hot loop: hand out what has been received, send the verdicts.
 *
 * @module
 */

import { deliver, type Handler, type HandlerResult } from "./deliver.ts";
import type { Engine } from "./engine.ts";
import type { Packet } from "../packet/packet.ts";

/** A handler slower than this (ms a packet) gets its verdicts sent one by one, not at the end. */
const SLOW_HANDLER = 0.05;

/** How a loop takes part in the draining. */
export interface DrainRules {
  readonly handler: Handler;
  /** Takes the promise of an async handler. */
  readonly later: (packet: Packet, promise: PromiseLike<HandlerResult>) => void;
  /** Whether to stop when the program holds as many packets as it may. */
  readonly bounded: boolean;
  /** When to stop (`performance.now()`), as exactly as a packet of a slow handler. */
  readonly end: number;
}

/** Hands out received packets, and knows whether the handler is quick. */
export class Drain {
  readonly #engine: Engine;
  readonly #rules: DrainRules;
  #slow = false;
  #stopped = false;

  constructor(engine: Engine, rules: DrainRules) {
    this.#engine = engine;
    this.#rules = rules;
  }

  /** Whether `stop` was called. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Hands out nothing more; may be called by the handler. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Hands out at most `limit` of the packets received so far, then sends the verdicts.
   *
   * @returns how many were handed out
   * @throws what the handler throws; {SystemError}
   */
  handOut(limit: number): number {
    const engine = this.#engine;
    const { handler, later, bounded } = this.#rules;
    let start = 0;
    let count = 0;
    engine.draining = true;
    try {
      while (count < limit && !this.#stopped && !engine.closed) {
        if (bounded && engine.room.full) break;
        const packet = engine.next();
        if (packet === undefined) break;
        count++;
        const promise = deliver(engine, packet, handler);
        if (promise !== undefined) later(packet, promise);
        // The clock costs as much as a packet: it is looked at after 2, 4, 8 … packets, so never
        // for a single one, and after each packet of a slow handler.
        if (count === 2) start = performance.now();
        const due = count > 2 && (count & (count - 1)) === 0;
        if ((due || this.#slow) && !this.#look(start, count - 2)) break;
      }
    } finally {
      engine.draining = false;
      engine.flush();
    }
    return count;
  }

  /**
   * @param count packets since `start`; none yet tells nothing new about the handler
   * @returns whether to go on
   */
  #look(start: number, count: number): boolean {
    const now = performance.now();
    if (count > 0) this.#slow = (now - start) / count > SLOW_HANDLER;
    if (this.#slow) {
      this.#engine.flushLate();
      this.#engine.expire();
    }
    return now < this.#rules.end;
  }
}
