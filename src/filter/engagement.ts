// A filter at work on one queue.
import { deferred } from "../base/deferred.ts";
import type { HandlerResult } from "../queue/loops/deliver.ts";
import type { Packet } from "../queue/packet/packet.ts";
import { Verdict } from "../queue/packet/verdict.ts";
import { verdictAfter } from "../queue/settings/handler_errors.ts";
import type { CheckedFilter, FilterContext } from "./filter.ts";

/** How long promises under way, or a `start`, are waited for when a filter is to end. */
const PATIENCE_MILLISECONDS = 1000;

/** The promise, or the time: whatever comes first. */
export async function atMost(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = deferred<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The promise's result, or an error where it takes too long.
 *
 * @throws {Error} naming what was waited for
 */
export async function inTime(
  what: string,
  promise: Promise<unknown>,
  milliseconds: number,
): Promise<void> {
  let over = false;
  await atMost(milliseconds, promise.finally(() => over = true));
  if (!over) throw new Error(`${what} took longer than ${milliseconds / 1000} s`);
}

/** What an engagement begins with. */
export type Place = Omit<FilterContext, "signal">;

/** From a filter's `start` to its `stop`. */
export class Engagement {
  readonly checked: CheckedFilter;
  readonly context: FilterContext;
  /** `start` was called, and `stop` was not. */
  started = false;
  /** `stop` is not called any more, but behind a `start` that nobody waits for. */
  #over = false;
  readonly #ending = new AbortController();
  /** Promises of its handler that are not settled. */
  #underWay = 0;
  #whenIdle: (() => void) | undefined;

  constructor(checked: CheckedFilter, { queue, worker, state }: Place) {
    this.checked = checked;
    // What a filter puts in the place of its state would be lost with the next reload.
    this.context = Object.freeze({ queue, worker, state, signal: this.#ending.signal });
  }

  /** Calls the handler. */
  decide(packet: Packet): HandlerResult | Promise<HandlerResult> {
    const result = this.checked.filter.packet(packet, this.context);
    if (typeof result !== "object" || result === null) return result;
    this.#follow(result);
    return result;
  }

  /** What the filter's options say about a packet whose handler failed. */
  verdictAfter(error: unknown, packet: Packet): Verdict | undefined {
    const { onHandlerError, onError = Verdict.Drop } = this.checked.options;
    // Asked for by name it ends the filter; it lives on by default, and where a function fails.
    if (onHandlerError === "throw") return undefined;
    return verdictAfter(onHandlerError ?? onError, error, packet) ?? onError;
  }

  /** Calls `start`. */
  async start(): Promise<void> {
    await this.checked.filter.start?.(this.context);
    if (this.#over) await this.checked.filter.stop?.(this.context);
    else this.started = true;
  }

  /** Tells it that it is to end, so that a `start` or a handler that waits comes to an end. */
  abort(): void {
    this.#ending.abort();
  }

  /** Waits until its promises are settled; not for ever. */
  async settled(): Promise<void> {
    if (this.#underWay === 0) return;
    const { promise, resolve } = deferred<void>();
    this.#whenIdle = resolve;
    await atMost(PATIENCE_MILLISECONDS, promise);
  }

  /** Aborts its signal and calls `stop`, if it was started. Idempotent. */
  async stop(): Promise<void> {
    this.abort();
    this.#over = true;
    if (!this.started) return;
    this.started = false;
    await this.checked.filter.stop?.(this.context);
  }

  #follow(result: object): void {
    if (!("then" in result)) return;
    this.#underWay++;
    Promise.resolve(result).then(this.#done, this.#done);
  }

  readonly #done = (): void => {
    if (--this.#underWay === 0) this.#whenIdle?.();
  };
}
