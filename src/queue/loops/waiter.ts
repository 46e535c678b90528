/**
 * Waits for packets without blocking the thread.
 *
 * @module
 */

import { setImmediate } from "../../../ffi/turn.ts";
import type { Watcher } from "../../nfqueue/kernel_queue.ts";
import type { Engine } from "./engine.ts";

/** Wakes one reader when its queue's socket is readable. */
export class Waiter {
  readonly #engine: Engine;
  #watcher: Watcher | undefined;
  #wake: (() => void) | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Calls `wake` when packets are there. Bun may call it again before it is asked to. */
  wait(wake: () => void): void {
    this.#wake = wake;
    this.#watcher ??= this.#engine.kernel.watch((datagram) => {
      if (datagram !== undefined) this.#engine.ingest(datagram);
      this.#wake?.();
    });
    this.#watcher.arm();
    if (this.#idle === undefined) this.#watchIdle();
  }

  /** Packets were received behind a waiting reader's back: it must look. */
  nudge(): void {
    if (this.#wake !== undefined) setImmediate(() => this.#wake?.());
  }

  /** For a waiting reader: is there something to say by now? */
  look(): void {
    if (this.#wake !== undefined) this.#engine.idle();
  }

  /** Ends the waiting and lets the process end. */
  rest(): void {
    this.#wake = undefined;
    this.#stopIdle();
    this.#watcher?.disarm();
  }

  /** For the end of the queue, before its socket is closed. */
  close(): void {
    this.#wake = undefined;
    this.#stopIdle();
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watchIdle(): void {
    const left = this.#engine.idle();
    if (left === Infinity) return;
    this.#idle = setTimeout(() => {
      this.#idle = undefined;
      this.#engine.look();
      this.#watchIdle();
    }, Math.ceil(left));
  }

  #stopIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }
}
