// Bytes that went on and are not acknowledged yet: each retransmission gets the same ones again.
import { distance } from "./sequence.ts";

const LEAST = 2048;
const NONE = new Uint8Array(new ArrayBuffer(0));

/** Most bytes that wait to be used again. */
const MOST_SPARE = 4 << 20;

/** Counts the memory of all connections. Rings are used again: new ones cost more than the copy into them. */
export class MemoryAccount {
  /** Bytes that are taken. */
  bytes = 0;
  readonly #spare = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #spareBytes = 0;

  /** A ring of a power of two of bytes, which may hold anything. */
  take(size: number): Uint8Array<ArrayBuffer> {
    this.bytes += size;
    const ring = this.#spare.get(size)?.pop();
    if (ring === undefined) return new Uint8Array(new ArrayBuffer(size));
    this.#spareBytes -= size;
    return ring;
  }

  /** Takes a ring back. */
  give(ring: Uint8Array<ArrayBuffer>): void {
    const size = ring.length;
    this.bytes -= size;
    if (size === 0 || this.#spareBytes + size > MOST_SPARE) return;
    const list = this.#spare.get(size);
    if (list === undefined) this.#spare.set(size, [ring]);
    else list.push(ring);
    this.#spareBytes += size;
  }
}

/** A ring of bytes by their numbers: those from `low` up to `high`. It grows, and is let go when empty. */
export class KeptBytes {
  readonly #account: MemoryAccount;
  #memory = NONE;
  #low = 0;
  #high = 0;

  constructor(account: MemoryAccount) {
    this.#account = account;
  }

  /** Number of the first byte that is kept. */
  get low(): number {
    return this.#low;
  }

  /** Number behind the last one. */
  get high(): number {
    return this.#high;
  }

  /** How many are kept. */
  get length(): number {
    return distance(this.#high, this.#low);
  }

  /** Keeps nothing; the next byte has this number. */
  start(number: number): void {
    this.#low = this.#high = number;
    this.#free();
  }

  /** Keeps what is from `from` up to `to` in `bytes`. */
  append(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from;
    if (count === 0) return;
    const need = this.length + count;
    if (need > this.#memory.length) this.#grow(need);
    const memory = this.#memory;
    const at = this.#high & (memory.length - 1);
    const first = Math.min(count, memory.length - at);
    memory.set(bytes.subarray(from, from + first), at);
    if (first < count) memory.set(bytes.subarray(from + first, to), 0);
    this.#high = (this.#high + count) | 0;
  }

  /** Lets go of what is before a number. */
  release(number: number): void {
    if (distance(number, this.#low) <= 0) return;
    this.#low = distance(number, this.#high) > 0 ? this.#high : number;
    if (this.#low === this.#high) this.#free();
  }

  /** Copies `count` bytes from a number on to where `target` has room for them. */
  copyTo(target: Uint8Array, at: number, { from, count }: { from: number; count: number }): void {
    if (count === 0) return;
    const memory = this.#memory;
    const start = from & (memory.length - 1);
    const first = Math.min(count, memory.length - start);
    target.set(memory.subarray(start, start + first), at);
    if (first < count) target.set(memory.subarray(0, count - first), at + first);
  }

  /** Whether `count` bytes from a number on are those at `at` of `bytes`. */
  equals(bytes: Uint8Array, at: number, { from, count }: { from: number; count: number }): boolean {
    const memory = this.#memory;
    const mask = memory.length - 1;
    for (let index = 0; index < count; index++) {
      if (memory[(from + index) & mask] !== bytes[at + index]) return false;
    }
    return true;
  }

  #grow(need: number): void {
    let size = Math.max(LEAST, this.#memory.length);
    while (size < need) size *= 2;
    const memory = this.#account.take(size);
    const from = this.#low;
    const count = this.length;
    // Byte for byte at its new place: both sizes are powers of two.
    const at = from & (size - 1);
    const first = Math.min(count, size - at);
    if (count > 0) {
      this.copyTo(memory, at, { from, count: first });
      if (first < count) {
        this.copyTo(memory, 0, { from: (from + first) | 0, count: count - first });
      }
    }
    this.#account.give(this.#memory);
    this.#memory = memory;
  }

  #free(): void {
    this.#account.give(this.#memory);
    this.#memory = NONE;
  }
}
