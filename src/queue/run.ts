/**
 * The loop that shares its thread with the program's timers and sockets.
 *
 * @module
 */

import { type Handler, settleLater } from "./deliver.ts";
import { Drain } from "./drain.ts";
import type { Engine } from "./engine.ts";
import { checkKeys } from "./options.ts";
import type { Waiter } from "./waiter.ts";

/** Options of `run`. */
export interface RunOptions {
  /** Aborting it ends `run`, which then resolves; the queue stays open. */
  readonly signal?: AbortSignal;
}

/** Packets handled before other events of the program get their turn. */
export const SLICE = 256;

/** Runs until the signal aborts, the queue closes or a handler fails. */
export async function run(
  { engine, waiter }: { engine: Engine; waiter: Waiter },
  handler: Handler,
  options: RunOptions,
): Promise<void> {
  checkKeys("options", options, ["signal"]);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, got ${String(signal)}`);
  }
  engine.claim("run()");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  try {
    if (signal?.aborted) return;
    signal?.addEventListener("abort", stop);
    engine.onClose = stop;
    const ended = { yes: false };
    startLoop({ engine, waiter, handler, failed: reject, ended });
    try {
      await promise;
    } finally {
      ended.yes = true;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    waiter.rest();
    engine.release();
    engine.flush();
  }
}

function startLoop({ engine, waiter, handler, failed, ended }: {
  engine: Engine;
  waiter: Waiter;
  handler: Handler;
  failed: (error: unknown) => void;
  ended: { readonly yes: boolean };
}): void {
  const drain = new Drain(engine, {
    handler,
    later: (packet, promise) => void settleLater(engine, packet, { promise, failed }),
    bounded: true,
  });
  let stepping = false;

  const step = (): void => {
    // A listener or a handler may wake us while we are at work.
    if (ended.yes || engine.closed || stepping) return;
    stepping = true;
    try {
      work();
    } catch (error) {
      failed(error);
    } finally {
      stepping = false;
    }
  };

  const work = (): void => {
    let budget = SLICE;
    let empty = false;
    while (budget > 0 && !empty && !engine.saturated && !engine.closed) {
      budget -= drain.handOut(budget);
      empty = engine.closed || engine.receive() === 0;
    }
    if (engine.closed) return;
    if (engine.saturated) {
      waiter.rest();
      engine.onRoom = step;
    } else if (empty) waiter.wait(step);
    else setImmediate(step);
  };

  step();
}
