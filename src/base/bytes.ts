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
const getter = (name: string): () => unknown =>
  Object.getOwnPropertyDescriptor(prototype, name)!.get!;
const method = (name: string): (...values: unknown[]) => unknown =>
  Object.getOwnPropertyDescriptor(prototype, name)!.value;

const length = getter("length");
const buffer = getter("buffer");
const byteOffset = getter("byteOffset");
const indexOf = method("indexOf");
const set = method("set");
const copyWithin = method("copyWithin");
const SHORT = 24;
/** Where bytes are laid down on their way, and its beginnings by length: a new view costs more. */
const desk = new Bytes(new ArrayBuffer(2048));
const parts: (Uint8Array | undefined)[] = new Array(desk.length + 1).fill(undefined);
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/** A length that nobody can make up. @throws {TypeError} for what is no typed array */
export function lengthOf(bytes: GivenBytes): number {
  return length.call(bytes) as number;
}

/** Whether the buffer was transferred, or resized away under it: it has no bytes, and is not empty. */
export function isGone(bytes: GivenBytes): boolean {
  if (lengthOf(bytes) > 0) return false;
  try {
    // Not keys(): Bun's compiled code takes what is out of bounds for empty there.
    return typeof indexOf.call(bytes, 0) !== "number";
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

/**
 * As subarray: the program's own, or its Symbol.species, would be handed the memory. Of the library's
 * own arrays; nothing is checked.
 */
export function partOf<Memory extends ArrayBufferLike>(
  bytes: Uint8Array<Memory>,
  start: number,
  end: number,
): Uint8Array<Memory> {
  const memory = buffer.call(bytes) as Memory;
  return new Bytes(memory, (byteOffset.call(bytes) as number) + start, end - start);
}

/** As set, of an array that the program is not to see. */
export function write(to: Uint8Array, at: number, bytes: Uint8Array): void {
  set.call(to, bytes, at);
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
  try {
    set.call(copy, bytes);
  } catch {
    // Another thread has made them longer meanwhile.
    for (let index = 0; index < count; index++) copy[index] = bytes[index]!;
  }
  return copy;
}

/** As copyWithin, of an array that may be the program's. */
export function moveWithin(bytes: Uint8Array, to: number, from: number, end: number): void {
  copyWithin.call(bytes, to, from, end);
}

/**
 * Writes the first `count` bytes, and never more, however many there are by now: where they are shared
 * another thread may have made them longer. All are read before one is written, so the two may overlap.
 */
export function put(to: Uint8Array, at: number, bytes: GivenBytes, count: number): void {
  if (count <= SHORT) {
    // Calls cost more than a few elements.
    for (let index = 0; index < count; index++) desk[index] = bytes[index]!;
    for (let index = 0; index < count; index++) to[at + index] = desk[index]!;
  } else if (count <= desk.length && lengthOf(bytes) === count) {
    try {
      set.call(desk, bytes);
    } catch {
      return put(to, at, copyOf(bytes), count);
    }
    set.call(to, parts[count] ??= new Bytes(desk.buffer, 0, count), at);
  } else set.call(to, copyOf(bytes), at);
}
