/**
 * The loop that blocks its thread: the lowest latency.
 *
 * @module
 */

import { checkInteger, checkKeys, checkMilliseconds } from "../../base/checks.ts";
import { ERRNO } from "../../linux/errno.ts";
import { LOOK_EVERY, lookForSignals, signalsMatter } from "../../linux/signals.ts";
import type { SyncHandler } from "./deliver.ts";
import { Drain } from "./hand_out.ts";
import type { Engine } from "./engine.ts";
import { flushWaiting } from "../../nfqueue/delayed_flush.ts";
import type { Packet } from "../packet/packet.ts";

/** Options of `runSync`. */
export interface RunSyncOptions {
  /** Return after this many packets, 1 to 2⁵³−1. */
  readonly maxPackets?: number | undefined;
  /** Return after this many milliseconds, 0 to 2³¹−1; 0 handles what is there and returns. */
  readonly timeout?: number | undefined;
}

/** Why `runSync` came back. */
export interface RunSyncResult {
  /** Packets handed to the handler. */
  readonly packets: number;
  /**
   * "signal": one that the program listens for arrived while waiting; its listener runs once the
   * program yields, so return to the event loop, then call again. While packets keep coming, no
   * signal is noticed: a program with listeners gives a `timeout` and yields between the calls.
   *
   * Where rules of a RuleSet are installed, SIGINT, SIGTERM and SIGHUP are noticed also then. One that the
   * program does not listen for ends it here, once the rules are removed.
   */
  readonly reason: "maxPackets" | "timeout" | "signal" | "closed";
}

/** So many packets in one receive mean load. */
const BUSY = 4;
/** Every so many quiet receives, one asks for a whole batch. */
const WIDE_EVERY = 16;
/** Every so many rounds under load, signals are looked for. */
const BUSY_LOOK = 16;

/** Runs until an option, a signal or `close()` ends it. */
export function runSync(
  engine: Engine,
  handler: SyncHandler,
  options: RunSyncOptions,
): RunSyncResult {
  checkKeys("options", options, ["maxPackets", "timeout"]);
  const { maxPackets, timeout } = options;
  if (maxPackets !== undefined) {
    checkInteger("maxPackets", maxPackets, 1, Number.MAX_SAFE_INTEGER);
  }
  if (timeout !== undefined) checkMilliseconds("timeout", timeout);
  engine.claim("runSync()");
  const endBlocking = engine.kernel.startBlocking();
  try {
    return loop(engine, handler, { maxPackets: maxPackets ?? Infinity, timeout });
  } finally {
    endBlocking();
    engine.release();
  }
}

function loop(
  engine: Engine,
  handler: SyncHandler,
  { maxPackets, timeout }: { maxPackets: number; timeout: number | undefined },
): RunSyncResult {
  const end = timeout === undefined ? Infinity : performance.now() + timeout;
  const drain = new Drain(engine, {
    handler,
    later: refusePromise(engine),
    bounded: false,
    end: timeout === 0 ? Infinity : end,
  });
  // Without time, what is there is still handled: never more than the kernel's queue holds.
  const enough = engine.counters.received + (timeout === 0 ? engine.configuration.maxLength : 0);
  let packets = 0;
  let quiet = 0;
  let rounds = 0;
  const guarded = signalsMatter();
  engine.receive();
  for (;;) {
    if (guarded && rounds++ % BUSY_LOOK === 0 && lookForSignals()) {
      return { packets, reason: "signal" };
    }
    packets += drain.handOut(maxPackets - packets);
    // The handler may have decided packets of other queues, and the thread does not yield.
    flushWaiting();
    if (engine.closed) return { packets, reason: "closed" };
    if (packets >= maxPackets) return { packets, reason: "maxPackets" };
    const left = end === Infinity ? end : end - performance.now();
    if (left <= 0 && (engine.counters.received >= enough || engine.receive() === 0)) {
      return { packets, reason: "timeout" };
    }
    const expiry = engine.expire();
    // Under load more has come meanwhile; else one call to wait beats a receive that finds nothing.
    if (left <= 0 || (engine.lastCount >= BUSY && engine.receive() > 0)) continue;
    const patience = Math.ceil(
      Math.min(left, expiry, engine.idle(), guarded ? LOOK_EVERY : Infinity),
    );
    // Behind what listeners may have decided.
    engine.flush();
    flushWaiting();
    // One that comes between this and the wait interrupts nothing: so the wait has an end.
    if (guarded && lookForSignals()) return { packets, reason: "signal" };
    // Alone, a packet is quicker to take when no second one is asked for; at times we ask, or we
    // would never see that the load has grown.
    engine.receive(patience, ++quiet % WIDE_EVERY === 0 ? undefined : 1);
    if (engine.lastCount === -ERRNO.EAGAIN) engine.look();
    if (engine.lastCount === -ERRNO.EINTR) {
      if (guarded) lookForSignals();
      return { packets, reason: "signal" };
    }
  }
}

/** The packet still gets its verdict, and the promise's rejection has a taker. */
const refusePromise =
  (engine: Engine) => (packet: Packet, promise: PromiseLike<unknown>): never => {
    const error = new TypeError("runSync() needs a handler that decides at once: use run()");
    engine.fail(packet, error);
    // Not its own then(): that is the program's, and may be anything.
    new Promise((resolve) => resolve(promise)).catch(() => {});
    throw error;
  };
