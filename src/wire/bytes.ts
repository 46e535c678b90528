// Bytes of a caller. A subclass, an own property or a changed prototype can answer anything when it is
// asked for its length, its buffer or a part; a resizable buffer can be another one a moment later. So
// nothing here asks the object: the engine's own functions, kept when this module was loaded, do.

/**
 * Bytes that came from outside. Elements can be read, as no program can redefine them; whatever else
 * a typed array has is the program's word, and {@link lengthOf} and {@link fixed} are the engine's.
 */
export interface GivenBytes {
  readonly [index: number]: number;
}

const Bytes = Uint8Array;
const prototype: object = Object.getPrototypeOf(Uint8Array.prototype);
const getter = (name: string | symbol): () => unknown =>
  Object.getOwnPropertyDescriptor(prototype, name)!.get!;
const method = (name: string): (...values: unknown[]) => unknown =>
  Object.getOwnPropertyDescriptor(prototype, name)!.value;

const length = getter("length");
const buffer = getter("buffer");
const byteOffset = getter("byteOffset");
const kind = getter(Symbol.toStringTag);
const keys = method("keys");
const set = method("set");
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/** Whether the engine takes it for a Uint8Array, and not only its prototype says so. */
export function isBytes(value: unknown): value is Uint8Array {
  return kind.call(value) === "Uint8Array";
}

/** A length that nobody can make up. @throws {TypeError} for what is no typed array */
export function lengthOf(bytes: GivenBytes): number {
  return length.call(bytes) as number;
}

/** Whether the buffer was transferred, or resized away under it: it has no bytes, and is not empty. */
export function isGone(bytes: GivenBytes): boolean {
  if (lengthOf(bytes) > 0) return false;
  try {
    keys.call(bytes);
    return false;
  } catch {
    return true;
  }
}

/** The same memory as an array of no class of the program's, whose length no longer grows. */
export function fixed(bytes: GivenBytes): Uint8Array {
  return new Bytes(
    buffer.call(bytes) as ArrayBuffer,
    byteOffset.call(bytes) as number,
    lengthOf(bytes),
  );
}

/** A DataView over the same memory. */
export function viewOf(bytes: GivenBytes): DataView {
  return new DataView(
    buffer.call(bytes) as ArrayBuffer,
    byteOffset.call(bytes) as number,
    lengthOf(bytes),
  );
}

/** Whether they are in this buffer. */
export function isOver(bytes: GivenBytes, memory: ArrayBufferLike): boolean {
  return buffer.call(bytes) === memory;
}

/** Whether other threads may write them at any time: what was read of them need not be true later. */
export function isShared(bytes: GivenBytes): boolean {
  try {
    bufferLength.call(buffer.call(bytes));
    return false;
  } catch {
    return true;
  }
}

/** A copy in memory that nobody else has. */
export function copyOf(bytes: GivenBytes): Uint8Array<ArrayBuffer> {
  const count = lengthOf(bytes);
  const copy = new Bytes(new ArrayBuffer(count));
  put(copy, 0, bytes, count);
  return copy;
}

/**
 * Writes `count` of the bytes, and never more, however long they are by now: where they are shared
 * another thread may have made them longer. `to` is memory of ours.
 */
export function put(to: Uint8Array, at: number, bytes: GivenBytes, count: number): void {
  // Not subarray(), which asks for the constructor of its class.
  const room = new Bytes(to.buffer, to.byteOffset + at, count);
  if (lengthOf(bytes) <= count) {
    try {
      set.call(room, bytes);
      return;
    } catch (error) {
      if (lengthOf(bytes) <= count) throw error;
    }
  }
  for (let index = 0; index < count; index++) room[index] = bytes[index]!;
}
