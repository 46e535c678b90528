/**
 * The one hot loop: hand out what has been received, send the verdicts.
 *
 * @module
 */

import { deliver, type Handler, type HandlerResult } from "./deliver.ts";
import type { Engine } from "./engine.ts";
import type { Packet } from "./packet.ts";

/** A handler slower than this (ms a packet) gets its verdicts sent one by one, not at the end. */
const SLOW_HANDLER = 0.05;

/** How a loop takes part in the draining. */
export interface DrainRules {
  readonly handler: Handler;
  /** Takes the promise of an async handler. */
  readonly later: (packet: Packet, promise: PromiseLike<HandlerResult>) => void;
  /** Whether to stop when the program holds as many packets as it may. */
  readonly bounded: boolean;
}

/** Hands out received packets, and knows whether the handler is quick. */
export class Drain {
  readonly #engine: Engine;
  readonly #rules: DrainRules;
  #slow = false;

  constructor(engine: Engine, rules: DrainRules) {
    this.#engine = engine;
    this.#rules = rules;
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
    // One packet's verdict leaves at once anyway.
    const timed = engine.lastCount > 1;
    const start = timed ? performance.now() : 0;
    let count = 0;
    engine.draining = true;
    try {
      while (count < limit && !engine.closed) {
        if (bounded && engine.saturated) break;
        const packet = engine.next();
        if (packet === undefined) break;
        count++;
        const promise = deliver(engine, packet, handler);
        if (promise !== undefined) later(packet, promise);
        if (this.#slow) engine.flush();
      }
    } finally {
      engine.draining = false;
      engine.flush();
    }
    if (timed && count > 0) this.#slow = (performance.now() - start) / count > SLOW_HANDLER;
    return count;
  }
}
