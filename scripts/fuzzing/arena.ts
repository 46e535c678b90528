/** Memory in which an input lies somewhere in the middle; what is around it is one value, and stays so. */

/** Longest input. */
export const CAPACITY = 0x11000;
/** So many bytes on both sides are looked at after each input, all of them after each block. */
const NEAR = 64;
const MARGIN = 0x2000;

/** One such memory. */
export class Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #fill: number;
  readonly #view: DataView<ArrayBuffer>;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #word: number;
  #start = MARGIN;
  #length = 0;

  constructor(fill: number) {
    this.#fill = fill;
    this.bytes = new Uint8Array(new ArrayBuffer(2 * MARGIN + CAPACITY)).fill(fill);
    this.#view = new DataView(this.bytes.buffer);
    this.#words = new Int32Array(this.bytes.buffer);
    this.#word = Math.imul(fill, 0x01010101);
  }

  /** Puts an input where the last one was taken away. */
  put(input: Uint8Array, shift: number): Uint8Array<ArrayBuffer> {
    this.#start = MARGIN + (shift & 63);
    this.#length = input.length;
    this.bytes.set(input, this.#start);
    return this.bytes.subarray(this.#start, this.#start + input.length);
  }

  /** Whether the bytes right before and behind the input are as they were; takes the input away. */
  take(): boolean {
    const view = this.#view;
    const word = this.#word;
    const end = this.#start + this.#length;
    let same = true;
    for (let at = 4; at <= NEAR; at += 4) {
      if (view.getInt32(this.#start - at) !== word) same = false;
      if (view.getInt32(end + at - 4) !== word) same = false;
    }
    this.bytes.fill(this.#fill, this.#start, end);
    if (!same) this.bytes.fill(this.#fill);
    return same;
  }

  /** Whether all of it is as it was, with no input in it. */
  isClean(): boolean {
    const words = this.#words;
    for (let at = 0; at < words.length; at++) {
      if (words[at] !== this.#word) {
        this.bytes.fill(this.#fill);
        return false;
      }
    }
    return true;
  }
}
