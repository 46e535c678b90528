/**
 * Checks of bytes that a caller passes in, before C sees them.
 *
 * @module
 */

import { checkBytes as plainBytes } from "../../base/checks.ts";

/**
 * Throws unless `value` is a Uint8Array whose length is in the range; returns the same memory as a
 * plain one. Only its length may be told to C: a subclass can give any other.
 */
export function checkBytes(
  name: string,
  value: unknown,
  { min = 0, max }: { readonly min?: number; readonly max: number },
): Uint8Array {
  const bytes = plainBytes(name, value);
  if (bytes.length < min || bytes.length > max) {
    throw new RangeError(`${name} must hold ${min} to ${max} bytes, got ${bytes.length}`);
  }
  return bytes;
}
