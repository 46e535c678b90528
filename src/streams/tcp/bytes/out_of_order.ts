// Data that came before what goes before it.
import { distance } from "./sequence.ts";
import type { MemoryAccount } from "./kept_bytes.ts";

/** A stretch of data, and where it begins. */
export interface Stretch {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Stretches in order, none of which overlap. What came first stays. */
export class OutOfOrder {
  readonly #account: MemoryAccount;
  readonly #stretches: Stretch[] = [];
  #bytes = 0;

  constructor(account: MemoryAccount) {
    this.#account = account;
  }

  /** How many bytes are stored. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The stretches, in order. */
  get stretches(): readonly Stretch[] {
    return this.#stretches;
  }

  /** The number behind the last byte that is stored; 0 where none is. */
  get end(): number {
    const last = this.#stretches.at(-1);
    return last === undefined ? 0 : endOf(last);
  }

  /** Stores copies of what is not there yet of the bytes from `from` up to `to`. */
  store(start: number, bytes: Uint8Array, from: number, to: number): void {
    const stretches = this.#stretches;
    const end = (start + to - from) | 0;
    let at = start;
    let index = 0;
    while (distance(end, at) > 0) {
      while (index < stretches.length && distance(endOf(stretches[index]!), at) <= 0) index++;
      const next = stretches[index];
      const stop = next === undefined || distance(next.start, end) >= 0 ? end : next.start;
      const count = distance(stop, at);
      if (count > 0) {
        const offset = from + distance(at, start);
        const copy = new Uint8Array(new ArrayBuffer(count));
        copy.set(bytes.subarray(offset, offset + count));
        stretches.splice(index, 0, { start: at, bytes: copy });
        this.#bytes += count;
        this.#account.bytes += count;
        index++;
      }
      if (next === undefined || distance(endOf(next), end) >= 0) return;
      at = distance(endOf(next), stop) > 0 ? endOf(next) : stop;
    }
  }

  /**
   * Writes what is stored over the bytes from `from` up to `to`, which begin at `start`: what goes on is
   * what came first.
   *
   * @returns whether anything was another byte; without `write` nothing is written
   */
  differs(
    start: number,
    bytes: Uint8Array,
    { from, to, write }: { readonly from: number; readonly to: number; readonly write: boolean },
  ): boolean {
    let different = false;
    for (const stretch of this.#stretches) {
      const shift = distance(stretch.start, start);
      const first = Math.max(shift, 0);
      const last = Math.min(shift + stretch.bytes.length, to - from);
      for (let index = first; index < last; index++) {
        const byte = stretch.bytes[index - shift]!;
        if (bytes[from + index] === byte) continue;
        different = true;
        if (!write) return true;
        bytes[from + index] = byte;
      }
    }
    return different;
  }

  /** How many bytes are stored in a row from a number on, however many stretches they are. */
  inRow(number: number): number {
    let end = number;
    for (const stretch of this.#stretches) {
      if (distance(stretch.start, end) > 0) break;
      if (distance(endOf(stretch), end) > 0) end = endOf(stretch);
    }
    return distance(end, number);
  }

  /** Copies `count` bytes, which are stored in a row from a number on. */
  copyTo(target: Uint8Array, at: number, { from, count }: { from: number; count: number }): void {
    const end = (from + count) | 0;
    for (const { start, bytes } of this.#stretches) {
      const skip = Math.max(distance(from, start), 0);
      const stop = Math.min(bytes.length, distance(end, start));
      if (stop > skip) target.set(bytes.subarray(skip, stop), at + distance(start, from) + skip);
    }
  }

  /** Forgets what is before a number. */
  release(number: number): void {
    const stretches = this.#stretches;
    while (stretches.length > 0 && distance(stretches[0]!.start, number) < 0) {
      const { start, bytes } = stretches.shift()!;
      const gone = Math.min(distance(number, start), bytes.length);
      this.#bytes -= gone;
      this.#account.bytes -= gone;
      if (gone < bytes.length) {
        stretches.unshift({ start: number, bytes: bytes.subarray(gone) });
        return;
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#account.bytes -= this.#bytes;
    this.#bytes = this.#stretches.length = 0;
  }
}

function endOf({ start, bytes }: Stretch): number {
  return (start + bytes.length) | 0;
}
