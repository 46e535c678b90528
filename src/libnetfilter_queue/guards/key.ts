/**
 * What keeps programs from the constructors that take a pointer: `private` is TypeScript's word alone.
 *
 * @module
 */

/** The key, which `mod.ts` does not export. */
export const KEY: unique symbol = Symbol("libnetfilter_queue");

/** @throws {TypeError} for whoever lacks the key */
export function checkKey(key: unknown, instead: string): void {
  if (key !== KEY) throw new TypeError(`call ${instead}`);
}
