// Checks of what a caller passes in. Every message names the field, its range and the value.

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

/** Throws unless `value` is an integer that fits 32 unsigned bits; returns it. */
export function checkU32(field: string, value: unknown): number {
  return checkInteger(field, value, 0, 0xffffffff);
}

/** Throws unless `value` is an integer that fits 16 unsigned bits; returns it. */
export function checkU16(field: string, value: unknown): number {
  return checkInteger(field, value, 0, 0xffff);
}

/** Throws unless `value` is a Uint8Array of at most `maxLength` bytes; returns it. */
export function checkBytes(field: string, value: unknown, maxLength: number): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`${field} must be a Uint8Array, got ${show(value)}`);
  }
  if (value.length > maxLength) {
    throw new RangeError(`${field} must hold 0 to ${maxLength} bytes, got ${value.length}`);
  }
  return value;
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
