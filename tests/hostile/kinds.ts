/**
 * What a program may hand over where bytes are asked for: honest, odd, lying, gone, and none at all.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** One value, and the memory behind it. */
export interface Given {
  readonly value: unknown;
  /** What that memory holds now, for entries that write into it. */
  content(): Uint8Array;
}

/** A kind of value, and what becomes of it. */
export interface Kind {
  readonly name: string;
  readonly expected: "works" | "TypeError";
  /** Other threads may have the memory: refused where C would write into it. */
  readonly shared?: boolean;
  make(bytes: Uint8Array): Given;
}

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

/** How often code of a lying array ran. */
export const ran = { count: 0, names: new Set<string>() };

/** What each property of a typed array answers when it lies. */
function lie(key: string | symbol, length: number): PropertyDescriptor {
  const heard = (): void => {
    ran.count++;
    ran.names.add(String(key));
  };
  const real = Object.getOwnPropertyDescriptor(typedArray, key)!;
  const answers: Readonly<Record<string | symbol, unknown>> = {
    length,
    byteLength: length,
    byteOffset: 3,
    buffer: new ArrayBuffer(64),
    constructor: Array,
    [Symbol.toStringTag]: "Float64Array",
  };
  if (real.get !== undefined || key === "constructor") {
    return {
      configurable: true,
      get() {
        heard();
        return answers[key];
      },
    };
  }
  return {
    configurable: true,
    value(): unknown {
      heard();
      return new Uint8Array(length).fill(0xbb);
    },
  };
}

/** All of them on one object: a prototype or an instance. */
function teachToLie(object: object, length: number): void {
  for (const key of Reflect.ownKeys(typedArray)) {
    Object.defineProperty(object, key, lie(key, length));
  }
}

function liar(length: number): new (buffer: ArrayBuffer) => Uint8Array {
  class Liar extends Uint8Array<ArrayBuffer> {
    static get [Symbol.species](): typeof Uint8Array {
      ran.count++;
      ran.names.add("species");
      return Uint8Array;
    }
  }
  teachToLie(Liar.prototype, length);
  return Liar;
}

const Longer = liar(60_000);
const Shorter = liar(3);

/** A kind whose memory is a buffer made by `room`, of which `view` makes the value. */
function over(
  name: string,
  room: (length: number) => ArrayBufferLike,
  view: (buffer: ArrayBufferLike, length: number) => unknown,
  more: Partial<Kind> = {},
): Kind {
  return {
    name,
    expected: "works",
    make: (bytes) => {
      const buffer = room(bytes.length);
      const memory = new Uint8Array(buffer, 0, bytes.length);
      memory.set(bytes);
      return { value: view(buffer, bytes.length), content: () => new Uint8Array(buffer).slice() };
    },
    ...more,
  };
}

const plain = (length: number): ArrayBuffer => new ArrayBuffer(length);

/** A value that is no Uint8Array at all. */
const other = (name: string, value: (bytes: Uint8Array) => unknown): Kind => ({
  name,
  expected: "TypeError",
  make: (bytes) => ({ value: value(bytes), content: () => new Uint8Array(0) }),
});

/** Every kind. */
export const KINDS: readonly Kind[] = [
  over("a Uint8Array", plain, (buffer) => new Uint8Array(buffer)),
  over("a Buffer", plain, (buffer) => Buffer.from(buffer as ArrayBuffer)),
  over(
    "a part of a Buffer",
    plain,
    (buffer, length) => Buffer.from(buffer as ArrayBuffer).subarray(0, length),
  ),
  over(
    "a tracking array of a resizable buffer",
    (length) => new ArrayBuffer(length, { maxByteLength: length + 4096 }),
    (buffer) => new Uint8Array(buffer),
  ),
  over(
    "a part of a resizable buffer",
    (length) => new ArrayBuffer(length + 8, { maxByteLength: length + 4096 }),
    (buffer, length) => new Uint8Array(buffer, 0, length),
  ),
  over("shared", (length) => new SharedArrayBuffer(length), (buffer) => new Uint8Array(buffer), {
    shared: true,
  }),
  over(
    "a tracking array of a growable shared buffer",
    (length) => new SharedArrayBuffer(length, { maxByteLength: length + 4096 }),
    (buffer) => new Uint8Array(buffer),
    { shared: true },
  ),
  over("a subclass that says it is longer", plain, (buffer) => new Longer(buffer as ArrayBuffer)),
  over("a subclass that says it is shorter", plain, (buffer) => new Shorter(buffer as ArrayBuffer)),
  over("own properties that lie", plain, (buffer) => {
    const bytes = new Uint8Array(buffer);
    teachToLie(bytes, 60_000);
    return bytes;
  }),
  over(
    "transferred",
    plain,
    (buffer) => {
      const bytes = new Uint8Array(buffer);
      structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
      return bytes;
    },
    { expected: "TypeError" },
  ),
  over(
    "out of bounds",
    (length) => new ArrayBuffer(length + 8, { maxByteLength: length + 8 }),
    (buffer, length) => {
      const bytes = new Uint8Array(buffer, 8, length);
      (buffer as ArrayBuffer).resize(4);
      return bytes;
    },
    { expected: "TypeError" },
  ),
  over("a transferred subclass that lies", plain, (buffer) => {
    const bytes = new Longer(buffer as ArrayBuffer);
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    return bytes;
  }, { expected: "TypeError" }),
  other("a DataView", (bytes) => new DataView(bytes.slice().buffer)),
  other("an ArrayBuffer", (bytes) => bytes.slice().buffer),
  other("a Uint16Array", (bytes) => new Uint16Array(bytes.length)),
  other("a Uint8ClampedArray", (bytes) => new Uint8ClampedArray(bytes.length)),
  other("an Array", (bytes) => Array.from(bytes)),
  other("a string", (bytes) => "x".repeat(bytes.length)),
  other("a number", (bytes) => bytes.length),
  other("an object that looks like one", (bytes) => ({ length: bytes.length, byteOffset: 0 })),
  other("a Proxy", (bytes) => new Proxy(bytes.slice(), {})),
  other("an object with the prototype", () => Object.create(Uint8Array.prototype)),
  other(
    "big integers with the prototype",
    (bytes) =>
      Object.setPrototypeOf(new BigInt64Array(Math.max(bytes.length, 1)), Uint8Array.prototype),
  ),
];
