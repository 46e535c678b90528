/**
 * Signals in Deno, where a program listens by node's calls or by Deno's own.
 *
 * @module
 */

import type { NodeProcess } from "./process.ts";
import type { Backend, EndingSignal } from "./types.ts";

/** What is used of Deno. */
export interface DenoSignals {
  addSignalListener(signal: string, listener: () => void): void;
  removeSignalListener(signal: string, listener: () => void): void;
  readonly internal: symbol;
}

/** What Deno keeps under its symbol `internal`; no promise of Deno's. */
interface Internals {
  readonly core?: { readonly resources?: () => Readonly<Record<string, string>> };
}

/**
 * Deno tells nobody who listens. But it holds one resource for each signal that somebody listens for: when
 * that goes with our listener, there was no other.
 */
export function denoSignals(
  deno: DenoSignals,
  process: NodeProcess,
): Pick<Backend, "onSignal" | "hasListener"> {
  const own = new Map<EndingSignal, Set<() => void>>();
  /** Signals for which a listener was taken off in this very task: perhaps by itself, as it was called. */
  const left = new Set<string>();
  /** Our listener is being called, in the row of all. */
  let dispatching = false;
  let restore: (() => void) | undefined;

  let remove = deno.removeSignalListener;

  const watchRemovals = () => {
    remove = deno.removeSignalListener;
    const watching: typeof remove = (signal, listener) => {
      remove(signal, listener);
      left.add(signal);
      queueMicrotask(() => left.delete(signal));
    };
    deno.removeSignalListener = watching;
    restore = () => {
      if (deno.removeSignalListener === watching) deno.removeSignalListener = remove;
      restore = undefined;
    };
  };

  /** How many; undefined in a version of Deno that does not say. */
  const heldSignals = (): number | undefined => {
    const internals = (deno as unknown as Readonly<Record<symbol, Internals>>)[deno.internal];
    const resources = internals?.core?.resources?.();
    return resources && Object.values(resources).filter((name) => name === "signal").length;
  };

  /** Whether others listen beside us. */
  const shared = (signal: EndingSignal): boolean => {
    const listeners = own.get(signal) ?? new Set();
    const before = heldSignals();
    for (const listener of listeners) remove(signal, listener);
    const after = heldSignals();
    const alone = before === undefined || after === undefined || after < before;
    const back = () => {
      for (const listener of listeners) deno.addSignalListener(signal, listener);
    };
    // What is added while Deno goes through the row would be called once more.
    if (dispatching && !alone) queueMicrotask(back);
    else back();
    return !alone;
  };

  return {
    onSignal: (signal, callback) => {
      if (restore === undefined) watchRemovals();
      const listener = () => {
        dispatching = true;
        try {
          callback();
        } finally {
          dispatching = false;
        }
      };
      const listeners = own.get(signal) ?? new Set();
      own.set(signal, listeners.add(listener));
      deno.addSignalListener(signal, listener);
      return () => {
        listeners.delete(listener);
        remove(signal, listener);
        if (listeners.size === 0) own.delete(signal);
        if (own.size === 0) restore?.();
      };
    },
    hasListener: (signal) =>
      process.listeners(signal).length > 0 || (dispatching && left.has(signal)) || shared(signal),
  };
}
