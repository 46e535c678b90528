/** One number for everything that can be read of an object, by what its prototype has. */

const SEED = 0x811c9dc5;
const DEPTH = 4;
/** The packet's bytes lead to the memory itself, and vlans' and layers' owners back to where one came from. */
const SKIPPED: ReadonlySet<string> = new Set(["packetBytes", "constructor"]);

/** Getters of a class, by its prototype. */
const getters = new Map<object, readonly string[]>();

/** The names of the getters that objects with this prototype have, its parents' among them. */
export function gettersOf(prototype: object): readonly string[] {
  const known = getters.get(prototype);
  if (known !== undefined) return known;
  const names = new Set<string>();
  for (let level = prototype; level !== Object.prototype && level !== null;) {
    const all = Object.getOwnPropertyDescriptors(level);
    for (const [name, { get }] of Object.entries(all)) {
      if (get !== undefined && !SKIPPED.has(name)) names.add(name);
    }
    level = Object.getPrototypeOf(level) as object;
  }
  const list = [...names];
  getters.set(prototype, list);
  return list;
}

function step(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
}

function digestText(hash: number, text: string): number {
  let sum = step(hash, text.length);
  for (let at = 0; at < text.length; at++) sum = step(sum, text.charCodeAt(at));
  return sum;
}

/** A digest of bytes. */
export function digestBytes(bytes: Uint8Array, seed: number = SEED): number {
  let sum = step(seed, bytes.length);
  for (let at = 0; at < bytes.length; at++) sum = step(sum, bytes[at]!);
  return sum;
}

/** Goes through whatever can be read of a value. Errors of getters are the caller's to see. */
export function digestOf(value: unknown, hash: number = SEED, depth: number = 0): number {
  switch (typeof value) {
    case "number":
      return step(step(hash, value | 0), (value / 0x100000000) | 0);
    case "string":
      return digestText(hash, value);
    case "boolean":
      return step(hash, value ? 3 : 2);
    case "bigint":
      return digestText(hash, value.toString(16));
    case "object":
      if (value === null) return step(hash, 5);
      if (value instanceof Uint8Array) return digestBytes(value, hash);
      return digestObject(value, hash, depth);
    default:
      return step(hash, 7);
  }
}

function digestObject(value: object, hash: number, depth: number): number {
  let sum = step(hash, 11);
  if (Array.isArray(value)) {
    sum = step(sum, value.length);
    for (const entry of value) sum = digestOf(entry, sum, depth);
    return sum;
  }
  if (depth > DEPTH) return sum;
  // In whatever order they come.
  for (const name of Object.keys(value)) {
    if (SKIPPED.has(name)) continue;
    sum = (sum + digestOf((value as Fields)[name], digestText(SEED, name), depth + 1)) | 0;
  }
  const prototype = Object.getPrototypeOf(value) as object;
  if (prototype === Object.prototype || prototype === null) return sum;
  // `ip` and `ipv4` are one view: once is enough.
  let last: unknown;
  for (const name of gettersOf(prototype)) {
    const inner = (value as Fields)[name];
    if (typeof inner === "object" && inner === last) continue;
    if (typeof inner === "object" && inner !== null && !(inner instanceof Uint8Array)) last = inner;
    sum = digestOf(inner, sum, depth + 1);
  }
  return sum;
}

type Fields = Readonly<Record<string, unknown>>;
