// Checks of what a caller passes in. Every message names the field, its range and the value.
import { unknownKey } from "./names.ts";
import { fixed, type GivenBytes, isGone, lengthOf } from "./bytes.ts";

/** Throws unless `value` is an integer from `min` to `max`; returns it. */
export function checkInteger(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`${field} must be a number from ${min} to ${max}, got ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${field} must be an integer from ${min} to ${max}, got ${value}`);
  }
  return value;
}

/** Longest time that a timer takes. */
export const MAX_MILLISECONDS = 0x7fffffff;

/** Throws unless `value` is a whole number of milliseconds that a timer takes; returns it. */
export function checkMilliseconds(field: string, value: unknown): number {
  return checkInteger(field, value, 0, MAX_MILLISECONDS);
}

/** Throws unless `value` is an integer that fits 32 unsigned bits; returns it. */
export function checkU32(field: string, value: unknown): number {
  return checkInteger(field, value, 0, 0xffffffff);
}

/** Throws unless `value` is an integer that fits 16 unsigned bits; returns it. */
export function checkU16(field: string, value: unknown): number {
  return checkInteger(field, value, 0, 0xffff);
}

const MAX_U64 = 0xffffffffffffffffn;

/** Throws unless `value` is a bigint that fits 64 unsigned bits; returns it. */
export function checkU64(field: string, value: unknown): bigint {
  if (typeof value !== "bigint") {
    throw new TypeError(`${field} must be a bigint from 0n to 2n**64n-1n, got ${show(value)}`);
  }
  if (value < 0n || value > MAX_U64) {
    throw new RangeError(`${field} must be a bigint from 0n to 2n**64n-1n, got ${value}n`);
  }
  return value;
}

/** Throws unless `value` is an integer, as a number or a bigint, that fits a size_t; returns it. */
export function checkSize(field: string, value: unknown): bigint {
  if (typeof value === "bigint") return checkU64(field, value);
  if (typeof value !== "number") {
    throw new TypeError(`${field} must be a number or a bigint, got ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 64) {
    throw new RangeError(`${field} must be an integer from 0 to 2**64-1, got ${value}`);
  }
  return BigInt(value);
}

/** A proxy, and an object made with the prototype alone, say that they are arrays and have no bytes. */
function trueLength(field: string, value: Uint8Array): number {
  try {
    return lengthOf(value);
  } catch {
    throw new TypeError(`${field} must be a Uint8Array, got what only says that it is one`);
  }
}

/**
 * Throws unless `value` is a Uint8Array of at most `maxLength` bytes that are there; returns their
 * number. For what is written at once, in a call; {@link checkBytes} is for all else.
 */
export function checkedLength(
  field: string,
  value: unknown,
  maxLength: number = Infinity,
): number {
  if (!(value instanceof Uint8Array)) {
    const hint = typeof value === "string" ? ": new TextEncoder().encode(text) makes one" : "";
    throw new TypeError(`${field} must be a Uint8Array, got ${show(value)}${hint}`);
  }
  const have = trueLength(field, value);
  if (have === 0 && isGone(value)) {
    throw new TypeError(`${field} is gone: its buffer was transferred or resized away`);
  }
  if (have > 0 && typeof value[0] !== "number") {
    throw new TypeError(`${field} must be a Uint8Array, got other numbers`);
  }
  if (have <= maxLength) return have;
  throw new RangeError(`${field} must hold 0 to ${maxLength} bytes, got ${have}`);
}

/**
 * Throws unless `value` is a Uint8Array of at most `maxLength` bytes; returns the same memory as a
 * plain one, whose length stays ({@link fixed}).
 */
export function checkBytes(
  field: string,
  value: unknown,
  maxLength: number = Infinity,
): Uint8Array {
  checkedLength(field, value, maxLength);
  return fixed(value as Uint8Array);
}

/** A short, safe rendering of any value for an error message. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return "an object";
  return `${value}`;
}

/**
 * Throws unless `value` is an AbortSignal, or undefined. A proxy, and an object made with the prototype
 * alone, say that they are one, and throw when somebody wants to listen.
 */
export function checkSignal(value: unknown): void {
  if (value === undefined) return;
  try {
    const { removeEventListener } = EventTarget.prototype;
    if (value instanceof AbortSignal && typeof value.aborted === "boolean") {
      return removeEventListener.call(value, "abort", () => {});
    }
  } catch {
    // It only says so.
  }
  throw new TypeError(`signal must be an AbortSignal, got ${show(value)}`);
}

/** Throws unless `value` is a boolean; returns it. */
export function checkBoolean(field: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`${field} must be true or false, got ${show(value)}`);
}

/** Throws unless `value` is a string; returns it. */
export function checkText(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(`${field} must be a string, got ${show(value)}`);
}

/** IFNAMSIZ of linux/if.h, without the byte that ends a name. */
const MOST_DEVICE_NAME = 15;

/**
 * The name of a network device.
 *
 * @throws {TypeError | RangeError} naming the field
 */
export function checkDeviceName(field: string, value: unknown): string {
  const name = checkText(field, value);
  const { length } = new TextEncoder().encode(name);
  if (length >= 1 && length <= MOST_DEVICE_NAME && !/[\s/\0]/.test(name)) return name;
  throw new RangeError(`${field} must be a device's name of 1 to 15 bytes, got ${show(value)}`);
}

/**
 * Throws unless `value` is an array of at most `maxLength` entries; returns a copy, for which each was
 * read once.
 */
export function checkList<Entry>(
  field: string,
  value: readonly Entry[],
  maxLength: number,
): readonly Entry[] {
  if (!Array.isArray(value)) throw new TypeError(`${field} must be an array, got ${show(value)}`);
  const { length } = value as readonly Entry[];
  if (!(length <= maxLength)) {
    throw new RangeError(`${field} must have 0 to ${maxLength} entries, got ${length}`);
  }
  // Not by its own methods: an array's may be a program's as well.
  const list: Entry[] = [];
  for (let index = 0; index < length; index++) list.push((value as readonly Entry[])[index]!);
  return list;
}

/** Throws unless `value` is a Uint8Array of exactly `length` bytes; returns it, as it was given. */
export function checkExactBytes(field: string, value: unknown, length: number): GivenBytes {
  const have = checkedLength(field, value, Infinity);
  if (have === length) return value as GivenBytes;
  throw new RangeError(`${field} must hold ${length} bytes, got ${have}`);
}

/** Throws unless `value` is an object with no other properties than those of `keys`; says which was meant. */
export function checkKeys(name: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`${name} must be an object, got ${show(value)}`);
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new TypeError(unknownKey(name, unknown, keys));
}
