// Plain values of objects: for JSON.stringify, for console.log, and for text.
import { formatHex } from "./hex.ts";

/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | JsonObject;

/** An object of such values; what is absent has no key. */
export interface JsonObject {
  /** A field by its name. */
  readonly [field: string]: JsonValue;
}

/** The method that console.log asks an object for what to show, in every runtime. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/**
 * Any value as JSON can hold it: bytes become hex, a bigint its decimal text, what has no fields a
 * string.
 */
export function jsonValue(value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "object":
      if (value === null) return null;
      if (value instanceof Uint8Array) return formatHex(value);
      // A flow.
      if ("toJSON" in value && typeof value.toJSON === "function") return jsonValue(value.toJSON());
      if (Array.isArray(value)) return value.map(jsonValue);
      return jsonFields(value, Object.keys(value) as (keyof typeof value)[]);
    default:
      return `${String(value)}`;
  }
}

/** The named properties of an object; those that are undefined are left out. */
export function jsonFields<Source extends object>(
  source: Source,
  names: readonly (keyof Source)[],
): JsonObject {
  const json: Record<string, JsonValue> = {};
  for (const name of names) {
    const value = source[name];
    if (value !== undefined) json[name as string] = jsonValue(value);
  }
  return json;
}

/** What console.log shows of a view: its fields, or why they cannot be read. Never throws. */
export function shown(view: { toJSON(): JsonObject }): JsonObject | string {
  try {
    return view.toJSON();
  } catch (error) {
    return error instanceof Error ? `[${error.name}: ${error.message}]` : "[not readable]";
  }
}
