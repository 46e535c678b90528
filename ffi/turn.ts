/**
 * The next turn of the event loop.
 *
 * @module
 */

interface Turns {
  setImmediate(callback: () => void): unknown;
}

/**
 * The runtime's own `setImmediate`: calls back once in the next turn of the event loop. Imported,
 * because programs are type-checked together with this source, and many know no such global.
 */
export const setImmediate: (callback: () => void) => void =
  (globalThis as unknown as Turns).setImmediate;
