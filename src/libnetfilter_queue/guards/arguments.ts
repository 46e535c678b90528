/**
 * Checks of what a caller passes in, before C sees it. Every message names the argument, its range
 * and the value.
 *
 * @module
 */

import { checkBytes as plainBytes } from "../../base/checks.ts";

/** Throws unless `value` is an integer in the range; returns it. */
export function checkInteger(
  name: string,
  value: unknown,
  { min = 0, max }: { readonly min?: number; readonly max: number },
): number {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number from ${min} to ${max}, got ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, got ${value}`);
  }
  return value;
}

/** Throws unless `value` fits a `uint32_t`; returns it. */
export function checkU32(name: string, value: unknown): number {
  return checkInteger(name, value, { max: 0xffffffff });
}

/** Throws unless `value` fits a `uint16_t`; returns it. */
export function checkU16(name: string, value: unknown): number {
  return checkInteger(name, value, { max: 0xffff });
}

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

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  return `${value}`;
}
