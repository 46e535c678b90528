/**
 * Bounded waits. Every wait of the suite goes through here, so that a test that hangs says for what.
 *
 * @module
 */

import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** How long anything may take that should take milliseconds; generous for a loaded or emulated machine. */
export const patience: number = process.env["NFQUEUE_VM"] === "1" ? 40_000 : 8000;

/** What is waited for, for the error's sentence, and how long at most. */
export interface WaitOptions {
  readonly what: string;
  /** Milliseconds; {@link patience} if left out. */
  readonly timeout?: number;
  /** What to tell of the state of things when it does not come. */
  readonly state?: () => unknown;
}

/** The promise's value, or an error that names what never came. */
export async function within<Value>(promise: Promise<Value>, options: WaitOptions): Promise<Value> {
  const timeout = options.timeout ?? patience;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited ${timeout} ms in vain for ${options.what}`)),
      timeout,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until the condition holds: for kernel counters, which send no events. */
export async function until(condition: () => boolean, options: WaitOptions): Promise<void> {
  const timeout = options.timeout ?? patience;
  const end = performance.now() + timeout;
  while (!condition()) {
    if (performance.now() > end) {
      const state = options.state === undefined ? "" : `: ${JSON.stringify(options.state())}`;
      throw new Error(`waited ${timeout} ms in vain until ${options.what}${state}`);
    }
    await delay(2);
  }
}

/** A promise and its two ends. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** `Promise.withResolvers`, typed for both runtimes. */
export function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
