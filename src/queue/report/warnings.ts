/**
 * Tells a person what a program does not listen for: on the console, once a kind of event.
 *
 * @module
 */

import { OverrunEvent, type QueueEvent, UndecidedEvent } from "./events.ts";
import type { Settings } from "../settings/options.ts";

/** What is said once each: a forgotten verdict must not hide a handler that fails. */
function kindOf(event: QueueEvent): string {
  if (event instanceof UndecidedEvent) return `${event.type}, ${event.cause}`;
  if (event instanceof OverrunEvent) return `${event.type}, ${event.lost > 0 ? "socket" : "queue"}`;
  return event.type;
}

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
    const kind = kindOf(event);
    const heard = (this.#listeners.get(type)?.size ?? 0) > 0;
    this.#once.get(type)?.forEach((listener) => this.remove(type, listener));
    if (!warn || heard || this.#warned.has(kind)) return;
    if (event instanceof UndecidedEvent && this.#isExpected(event)) return;
    this.#warned.add(kind);
    const subject = event.message.includes(`queue ${number}`) ? "" : `queue ${number}: `;
    console.warn(
      `nfqueue: ${subject}${event.message} (said once: listen for "${type}" events to hear of all, ` +
        "queue.statistics counts them, warn: false turns this off)",
    );
  }

  /** The end of the queue, and errors that the loop throws, are known to the program. */
  #isExpected({ cause }: UndecidedEvent): boolean {
    return cause === "close" || (cause === "error" && this.#settings.onHandlerError === "throw");
  }
}
