/**
 * Signals that came while the thread did not yield, so that no listener could run.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import type { EndingSignal } from "../../ffi/types.ts";

/** Their numbers. */
export const SIGNALS: Readonly<Record<EndingSignal, number>> = {
  ...{ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 },
};

/** struct sigaction: handler, mask of 128 bytes, flags, restorer. */
const ACTION = { size: 152, handler: 0, flags: 136 } as const;
const SA_RESETHAND = 0x80000000;
const SIG_DFL = 0;
const SIG_IGN = 1;

/** What this process does when one signal arrives (sigaction(2)). */
export class SignalHandler {
  readonly #number: number;
  readonly #now = new NativeMemory(ACTION.size);
  /** As the runtime set it. */
  readonly #runtime = new NativeMemory(ACTION.size);
  #armed = false;

  constructor(signal: EndingSignal) {
    this.#number = SIGNALS[signal];
  }

  /** Whether the signal is ignored, as nohup(1) has it. */
  get ignored(): boolean {
    return this.#read() === SIG_IGN;
  }

  /** Ignores the signal. */
  ignore(): void {
    this.#set(SIG_IGN);
  }

  /** Lets the signal end the process. */
  reset(): void {
    this.#set(SIG_DFL);
  }

  /**
   * Makes `came` tell. The kernel then takes the handler off when it calls it (SA_RESETHAND), which can be
   * seen without a turn of the event loop. Until it is seen, a second signal ends the process at once.
   */
  arm(): void {
    if (this.#armed || this.#read() <= SIG_IGN) return;
    this.#runtime.bytes.set(this.#now.bytes);
    const flags = this.#now.view.getUint32(ACTION.flags, true);
    this.#now.view.setUint32(ACTION.flags, (flags | SA_RESETHAND) >>> 0, true);
    libc().sigaction(this.#number, this.#now.pointer, null);
    this.#armed = true;
  }

  /** Whether the signal came since `arm`. Then the runtime has its handler back. */
  came(): boolean {
    if (!this.#armed || this.#read() !== SIG_DFL) return false;
    this.disarm();
    return true;
  }

  /** Gives the runtime its handler back. */
  disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    libc().sigaction(this.#number, this.#runtime.pointer, null);
  }

  /** 0 and 1 are what they are in C; what is more is a function. */
  #read(): number {
    libc().sigaction(this.#number, null, this.#now.pointer);
    const { view } = this.#now;
    const high = view.getUint32(ACTION.handler + 4, true);
    return high === 0 ? view.getUint32(ACTION.handler, true) : high + SIG_IGN;
  }

  #set(handler: number): void {
    this.#armed = false;
    this.#now.bytes.fill(0);
    this.#now.view.setUint32(ACTION.handler, handler, true);
    libc().sigaction(this.#number, this.#now.pointer, null);
  }
}

let look: (() => boolean) | undefined;

/** Has this called by loops that block or never yield. Gives back how to end that. */
export function whenBlocked(callback: () => boolean): () => void {
  look = callback;
  return () => {
    if (look === callback) look = undefined;
  };
}

/** Whether loops are to call `lookForSignals` at times, and at least every `LOOK_EVERY`. */
export function signalsMatter(): boolean {
  return look !== undefined;
}

/** Milliseconds. */
export const LOOK_EVERY = 200;

/**
 * Does what a signal asks for that came meanwhile. The process may end here.
 *
 * @returns whether one came for which the program listens: it has to yield
 */
export function lookForSignals(): boolean {
  return look?.() ?? false;
}
