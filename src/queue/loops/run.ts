/**
 * The loop that shares its thread with the program's timers and sockets.
 *
 * @module
 */

import { setImmediate } from "../../../ffi/turn.ts";
import { type Handler, settleLater } from "./deliver.ts";
import { Drain } from "./hand_out.ts";
import { deferred } from "../../base/deferred.ts";
import type { Engine } from "./engine.ts";
import { checkKeys, checkSignal } from "../../base/checks.ts";
import type { Waiter } from "./waiter.ts";

/** Options of `run`. */
export interface RunOptions {
  /** Aborting it ends `run`, which then resolves; the queue stays open. */
  readonly signal?: AbortSignal | undefined;
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
  checkSignal(signal);
  engine.claim("run()");
  const { promise, resolve, reject } = deferred<void>();
  const drain = new Drain(engine, {
    handler,
    later: (packet, result) =>
      void settleLater(engine, packet, { promise: result, failed: reject }),
    bounded: true,
    end: Infinity,
  });
  const stop = (): void => {
    drain.stop();
    resolve();
  };
  try {
    if (signal?.aborted) return;
    signal?.addEventListener("abort", stop);
    engine.onClose = stop;
    startLoop({ engine, waiter, drain, failed: reject });
    await promise;
  } finally {
    drain.stop();
    waiter.rest();
    engine.release();
    signal?.removeEventListener("abort", stop);
    engine.flush();
  }
}

function startLoop({ engine, waiter, drain, failed }: {
  engine: Engine;
  waiter: Waiter;
  drain: Drain;
  failed: (error: unknown) => void;
}): void {
  let stepping = false;

  const step = (): void => {
    // A listener or a handler may wake us while we are at work.
    if (drain.stopped || engine.closed || stepping) return;
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
    while (budget > 0 && !empty) {
      const handled = drain.handOut(budget);
      budget -= handled;
      if (drain.stopped || engine.closed) return;
      // An empty socket is a reason to wait only once everything received has been handed out.
      if (budget === 0 || engine.room.full) break;
      const received = engine.receive();
      // Packets that are not for the program (another family) count too.
      if (handled === 0) budget -= Math.min(budget, received);
      empty = received === 0;
    }
    if (drain.stopped || engine.closed) return;
    if (engine.room.full) {
      waiter.rest();
      engine.room.when(step);
    } else if (empty) waiter.wait(step);
    else setImmediate(step);
  };

  step();
}
