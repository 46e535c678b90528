/**
 * Tells a person what a program does not listen for: on the console, once a kind of event.
 *
 * @module
 */

import { type QueueEvent, UndecidedEvent } from "./events.ts";
import type { Settings } from "./options.ts";

/** Knows what is listened for, and what was warned of. */
export class Warnings {
  readonly #settings: Pick<Settings, "warn" | "onHandlerError" | "number">;
  readonly #listeners = new Map<string, Set<unknown>>();
  /** Those of them that hear of one event. */
  readonly #once = new Map<string, Set<unknown>>();
  readonly #warned = new Set<string>();

  constructor(settings: Pick<Settings, "warn" | "onHandlerError" | "number">) {
    this.#settings = settings;
  }

  /** A listener was added. */
  add(
    type: string,
    listener: unknown,
    { once, signal }: Pick<AddEventListenerOptions, "once" | "signal"> = {},
  ): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    // A second time is no time.
    if (signal?.aborted || listeners.has(listener)) return;
    this.#listeners.set(type, listeners.add(listener));
    if (once) this.#once.set(type, (this.#once.get(type) ?? new Set()).add(listener));
    signal?.addEventListener("abort", () => this.remove(type, listener), { once: true });
  }

  /** A listener was removed. */
  remove(type: string, listener: unknown): void {
    this.#listeners.get(type)?.delete(listener);
    this.#once.get(type)?.delete(listener);
  }

  /** Warns of an event that nobody hears, unless that is no news. */
  consider(event: QueueEvent): void {
    const { warn, number } = this.#settings;
    const { type } = event;
    const heard = (this.#listeners.get(type)?.size ?? 0) > 0;
    this.#once.get(type)?.forEach((listener) => this.remove(type, listener));
    if (!warn || heard || this.#warned.has(type)) return;
    if (event instanceof UndecidedEvent && this.#isExpected(event)) return;
    this.#warned.add(type);
    console.warn(
      `nfqueue: queue ${number}: ${event.message} (said once: listen for "${type}" events to hear ` +
        "of all, or open the queue with warn: false)",
    );
  }

  /** The end of the queue, and errors that the loop throws, are known to the program. */
  #isExpected({ cause }: UndecidedEvent): boolean {
    return cause === "close" || (cause === "error" && this.#settings.onHandlerError === "throw");
  }
}
