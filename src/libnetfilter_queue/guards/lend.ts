/**
 * Bytes of a caller, made ready for C.
 *
 * @module
 */

import { checkBytes } from "./arguments.ts";

/** Bytes that C may read. */
export interface LentBytes {
  /** A copy with a fixed address, one byte at least: the runtimes disagree on empty buffers. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of them count. */
  readonly length: number;
}

/**
 * A copy to lend to C: the caller's bytes may be shared, or of a length that changes.
 *
 * @throws {TypeError | RangeError} unless `value` is a Uint8Array of at most `max` bytes
 */
export function lend(name: string, value: unknown, { max }: { readonly max: number }): LentBytes {
  const given = checkBytes(name, value, { max });
  const { length } = given;
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(length, 1)));
  bytes.set(given);
  return { bytes, length };
}
