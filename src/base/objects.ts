import { show } from "./checks.ts";

/** Throws unless `value` is an object, whose fields can then be looked at. */
export function checkObject(field: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  throw new TypeError(`${field} must be an object, got ${show(value)}`);
}
