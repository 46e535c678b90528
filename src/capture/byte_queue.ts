// Bytes that came in pieces of any size, taken as records of known lengths.
import { write } from "../base/bytes.ts";

const LEAST = 64 * 1024;

/** What was pushed and is not taken yet, in one piece. */
export class ByteQueue {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(LEAST));
  #start = 0;
  #end = 0;
  #taken = 0;

  /** Bytes that are there. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Bytes that were taken: where the first one stands in the file. */
  get offset(): number {
    return this.#taken;
  }

  push(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    write(this.#bytes, this.#end, bytes);
    this.#end += bytes.length;
  }

  /** A view over the next `length` bytes, which must be there; good until the next push. */
  peek(length: number): DataView<ArrayBuffer> {
    return new DataView(this.#bytes.buffer, this.#start, length);
  }

  take(length: number): void {
    this.#start += length;
    this.#taken += length;
  }

  #makeRoom(more: number): void {
    const have = this.length;
    if (this.#end + more <= this.#bytes.length) return;
    let target = this.#bytes;
    if (have + more > target.length) {
      target = new Uint8Array(new ArrayBuffer(Math.max(2 * target.length, have + more)));
      target.set(this.#bytes.subarray(this.#start, this.#end));
    } else target.copyWithin(0, this.#start, this.#end);
    this.#bytes = target;
    this.#start = 0;
    this.#end = have;
  }
}
