/** Values that are made to break what believes them. */
import { Buffer } from "node:buffer";
import { HostileError } from "./target.ts";

/** What hostile values can do to the packet that they are assigned to. */
export interface Scene {
  /** Changes the packet, in the middle of the assignment. */
  edit(): void;
  /** The packet's own memory. */
  own(): Uint8Array;
}

/** A value by name. */
export interface HostileValue {
  readonly name: string;
  make(scene: Scene): unknown;
}

const LENGTH = 8;

function plain(length: number = LENGTH): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length)).fill(7);
}

/** A subclass that lies about what it is asked. */
class Liar extends Uint8Array {
  static get [Symbol.species](): Uint8ArrayConstructor {
    throw new HostileError("species");
  }
}

function liar(properties: Readonly<Record<PropertyKey, unknown>>): Uint8Array {
  const bytes = new Liar(new ArrayBuffer(LENGTH));
  for (const key of Reflect.ownKeys(properties)) {
    Object.defineProperty(bytes, key, { value: properties[key as string], configurable: true });
  }
  return bytes;
}

const TRAPS = ["get", "has", "ownKeys", "getOwnPropertyDescriptor"] as const;

/** An object that does this whenever it is looked at. */
function looking<Inner extends object>(inner: Inner, then: (key: PropertyKey) => unknown): Inner {
  const handler: Record<string, unknown> = {};
  for (const trap of TRAPS) {
    handler[trap] = (target: object, key: PropertyKey, ...rest: unknown[]) => {
      if (typeof key !== "symbol") then(key);
      const reflect = Reflect[trap] as (...words: unknown[]) => unknown;
      return trap === "ownKeys" ? reflect(target) : reflect(target, key, ...rest);
    };
  }
  return new Proxy(inner, handler as ProxyHandler<Inner>);
}

const refuse = (key: PropertyKey): never => {
  throw new HostileError(String(key));
};

/** In the place of bytes. */
export const HOSTILE_BYTES: readonly HostileValue[] = [
  {
    name: "detached",
    make: () => {
      const bytes = plain();
      bytes.buffer.transfer();
      return bytes;
    },
  },
  {
    name: "out-of-bounds",
    make: () => {
      const buffer = new ArrayBuffer(16, { maxByteLength: 32 });
      const bytes = new Uint8Array(buffer, 8, LENGTH);
      buffer.resize(4);
      return bytes;
    },
  },
  {
    name: "tracking",
    make: () => {
      const buffer = new ArrayBuffer(4, { maxByteLength: 32 });
      const bytes = new Uint8Array(buffer);
      buffer.resize(LENGTH);
      return bytes;
    },
  },
  { name: "shared", make: () => new Uint8Array(new SharedArrayBuffer(LENGTH)) },
  { name: "longer-liar", make: () => liar({ length: 60_000 }) },
  { name: "shorter-liar", make: () => liar({ length: 2, byteLength: 2 }) },
  { name: "fraction-liar", make: () => liar({ length: 3.5 }) },
  { name: "nan-liar", make: () => liar({ length: NaN, byteLength: -1 }) },
  { name: "buffer-liar", make: () => liar({ buffer: new ArrayBuffer(2), byteOffset: 1 }) },
  { name: "slice-liar", make: () => liar({ slice: () => 5, subarray: () => null, set: refuse }) },
  {
    name: "iterator-liar",
    make: () =>
      liar({
        *[Symbol.iterator]() {
          for (let left = 3000; left > 0; left--) yield 300 + left;
        },
      }),
  },
  {
    name: "iterator-edits",
    make: (scene) =>
      liar({
        *[Symbol.iterator]() {
          scene.edit();
          yield 1;
        },
      }),
  },
  {
    name: "constructor-liar",
    make: () => {
      const bytes = plain();
      Object.defineProperty(bytes, "constructor", { get: () => refuse("constructor") });
      return bytes;
    },
  },
  {
    name: "length-edits",
    make: (scene) => {
      const bytes = plain();
      Object.defineProperty(bytes, "length", {
        get: () => {
          scene.edit();
          return LENGTH;
        },
      });
      return bytes;
    },
  },
  { name: "proxy", make: () => new Proxy(plain(), {}) },
  { name: "prototype-only", make: () => Object.create(Uint8Array.prototype) },
  { name: "own", make: (scene) => scene.own() },
  { name: "own-part", make: (scene) => scene.own().subarray(3, 3 + LENGTH) },
  { name: "own-rest", make: (scene) => scene.own().subarray(21) },
  { name: "node-buffer", make: () => Buffer.from(plain()) },
  { name: "data-view", make: () => new DataView(new ArrayBuffer(LENGTH)) },
  { name: "array-buffer", make: () => new ArrayBuffer(LENGTH) },
  { name: "words", make: () => new Uint16Array(4) },
  { name: "clamped", make: () => new Uint8ClampedArray(LENGTH) },
  { name: "numbers", make: () => [1, 2, 3, 4] },
  { name: "array-like", make: () => ({ length: 4, 0: 1, 1: 2, 2: 3, 3: 4 }) },
];

const entry = { type: 30, kind: 253, protocol: 60, left: 1, right: 2, data: plain(2) };

/** In the place of anything. */
export const HOSTILE_OBJECTS: readonly HostileValue[] = [
  { name: "throwing", make: () => looking({}, refuse) },
  { name: "throwing-list", make: () => looking([{}], refuse) },
  { name: "throwing-entry", make: () => [entry, looking({ ...entry }, refuse)] },
  { name: "editing", make: (scene) => looking({ ...entry, value: 1 }, () => scene.edit()) },
  { name: "editing-list", make: (scene) => looking([entry], () => scene.edit()) },
  {
    name: "editing-entry",
    make: (scene) => [entry, looking({ ...entry }, () => scene.edit())],
  },
  {
    name: "growing-list",
    make: () => {
      const list: object[] = [entry];
      return looking(list, () => {
        if (list.length < 100_000) list.push(entry);
      });
    },
  },
  { name: "long-list", make: () => new Array<never>(2 ** 32 - 1) },
  { name: "holes", make: () => [, entry, ,] },
  {
    name: "list-subclass",
    make: () => {
      class List extends Array<unknown> {
        override map(): never {
          throw new HostileError("map");
        }
        override *[Symbol.iterator](): ArrayIterator<unknown> {
          for (let left = 5000; left > 0; left--) yield entry;
        }
      }
      return List.from([entry]);
    },
  },
  {
    name: "convertible",
    make: () => ({ valueOf: () => refuse("valueOf"), toString: () => refuse("toString") }),
  },
  { name: "number-object", make: () => Object(5) as unknown },
  { name: "bare", make: () => Object.create(null) as unknown },
  { name: "symbol", make: () => Symbol("x") },
  { name: "function", make: () => refuse },
  { name: "date", make: () => new Date(NaN) },
  { name: "regexp", make: () => /x/ },
  { name: "long-text", make: () => "1.".repeat(100_000) },
  { name: "colons", make: () => ":".repeat(40) },
  // An entry whose bytes lie in turn.
  ...HOSTILE_BYTES.map(({ name, make }): HostileValue => ({
    name: `entry-${name}`,
    make: (scene) => [{ ...entry, data: make(scene) }],
  })),
  ...HOSTILE_BYTES.map(({ name, make }): HostileValue => ({
    name: `value-${name}`,
    make: (scene) => ({
      ...{ type: 0, segmentsLeft: 0, data: make(scene) },
      ...{ securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue: make(scene) },
    }),
  })),
];
