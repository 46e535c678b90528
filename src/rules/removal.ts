// What is installed goes with the process: at its exit, at a signal that ends it, at an error that nothing
// catches. Only SIGKILL, abort() and the like leave something for the next start.
import { libc } from "../../ffi/libraries/libc.ts";
import { backend } from "../../ffi/backend.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import type { EndingSignal } from "../../ffi/types.ts";
import { SignalHandler, SIGNALS, whenBlocked } from "../linux/signals.ts";

/** What is to be taken away when the process ends. */
export interface Removable {
  /** Takes rules away, and may be called twice. */
  withdraw(): void;
  /** Takes away all that there is, and may be called twice. */
  remove(): void;
}

const sets = new Set<Removable>();
/** Those that the program has changed in this very task. */
const fresh = new Set<Removable>();
let stopListening: (() => void) | undefined;

/**
 * Has it taken away at exit, SIGINT, SIGTERM, SIGHUP and uncaught errors. Where the program has a listener
 * of its own for a signal it is only withdrawn: the program ends when it likes, and with that comes the exit.
 * In a worker no signal is listened for, and when a worker is terminated nothing of this happens.
 *
 * @returns how to forget it
 */
export function removeAtEnd(set: Removable): () => void {
  sets.add(set);
  stopListening ??= listen();
  return () => {
    sets.delete(set);
    if (sets.size > 0) return;
    stopListening?.();
    stopListening = undefined;
  };
}

/**
 * Says that the program has just installed it, or changed it. In Deno the program's own listener for a signal
 * may be called before ours: what it has done there stays.
 */
export function changedNow(set: Removable): void {
  fresh.add(set);
  queueMicrotask(() => fresh.delete(set));
}

function listen(): () => void {
  const { onExit, onUncaughtError, isMainThread } = backend();
  const removeAll = () => each("remove");
  const stops = [onExit(removeAll), onUncaughtError(removeAll)];
  if (isMainThread) stops.push(listenForSignals());
  return () => {
    for (const stop of stops) stop();
  };
}

/** One that cannot be taken away does not keep the others. */
function each(
  action: keyof Removable,
  { but }: { readonly but?: Set<Removable> | undefined } = {},
): void {
  for (const set of [...sets].filter((one) => !but?.has(one))) {
    try {
      set[action]();
    } catch (error) {
      // Nobody is left who could catch it.
      console.error(`nfqueue: rules could not be removed: ${(error as Error)?.message ?? error}`);
    }
  }
}

function listenForSignals(): () => void {
  const handlers = (Object.keys(SIGNALS) as EndingSignal[])
    .map((signal) => ({ signal, handler: new SignalHandler(signal) }));
  const ignored = handlers.filter(({ handler }) => handler.ignored);
  const heard = handlers.filter((one) => !ignored.includes(one));
  let ending = false;
  // In Deno a listener that is added by another's call is called as well, for a signal that came before.
  let listening = false;
  queueMicrotask(() => listening = true);

  const stop = () => {
    // One that came since the thread yielded last would be lost with the listeners.
    const late = ending ? undefined : heard.find(({ handler }) => handler.came());
    const ends = late !== undefined && !backend().hasListener(late.signal);
    stopLooking();
    for (const { handler } of heard) handler.disarm();
    for (const stopListener of stopListeners) stopListener();
    if (ends) endBySignal(late.signal, late.handler);
  };
  const arrived = ({ signal, handler }: (typeof heard)[number], but?: Set<Removable>) => {
    if (ending) return;
    handler.disarm();
    if (backend().hasListener(signal)) return each("withdraw", { but });
    ending = true;
    each("remove");
    stop();
    endBySignal(signal, handler);
  };
  const stopListeners = heard.map((one) =>
    backend().onSignal(one.signal, () => {
      if (listening) arrived(one, fresh);
    })
  );
  // Under nohup(1) SIGHUP ends no process. Deno sets all three handlers with the first.
  for (const { handler } of ignored) handler.ignore();
  // As soon as the thread yields, listeners are called, and no handler need tell anything.
  let armed = false;
  const arm = () => {
    for (const { handler } of heard) handler.arm();
    if (!armed) queueMicrotask(disarm);
    armed = true;
  };
  const disarm = () => {
    for (const { handler } of heard) handler.disarm();
    armed = false;
  };
  const stopLooking = whenBlocked(() => {
    const came = heard.filter(({ handler }) => handler.came());
    for (const one of came) arrived(one);
    arm();
    return came.length > 0;
  });
  arm();
  return stop;
}

/** Milliseconds; a runtime's own thread may be the one that ends the process. */
const PATIENCE = 1000;

/** Ends this process as the signal would have ended it without any listener. */
function endBySignal(signal: EndingSignal, handler: SignalHandler): void {
  const { kill, getpid, ppoll } = libc();
  kill(getpid(), SIGNALS[signal]);
  // struct timespec: seconds, nanoseconds. What interrupts the wait is the signal.
  const time = new NativeMemory(16);
  time.view.setUint32(0, PATIENCE / 1000, true);
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) ppoll(null, 0n, time.pointer, null);
  handler.reset();
  kill(getpid(), SIGNALS[signal]);
}
