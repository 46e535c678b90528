import { write } from "../../base/bytes.ts";
import { MOST_BYTES } from "../result.ts";

/**
 * The bytes of CRYPTO frames, which come in any order and may overlap (RFC 9000, 19.6). Where two frames
 * differ about a byte, the first one counts.
 */
export class CryptoStream {
  #bytes = new Uint8Array(new ArrayBuffer(0));
  /** 1 where a byte has come. */
  #here = new Uint8Array(new ArrayBuffer(0));
  #length = 0;
  #tooLong = false;

  /** All bytes; those before {@link CryptoStream.length} have come. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** How many have come without a gap before them. */
  get length(): number {
    return this.#length;
  }

  /** Whether there was one beyond the limit of 64 KiB. */
  get tooLong(): boolean {
    return this.#tooLong;
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > MOST_BYTES) {
      this.#tooLong = true;
      return;
    }
    this.#grow(end);
    const here = this.#here;
    for (let at = offset; at < end; at++) {
      if (here[at] === 1) continue;
      this.#bytes[at] = bytes[at - offset]!;
      here[at] = 1;
    }
    while (here[this.#length] === 1) this.#length++;
  }

  #grow(end: number): void {
    if (end <= this.#bytes.length) return;
    const size = Math.min(MOST_BYTES, Math.max(2 * this.#bytes.length, end));
    const grown = (from: Uint8Array) => {
      const to = new Uint8Array(new ArrayBuffer(size));
      write(to, 0, from);
      return to;
    };
    this.#bytes = grown(this.#bytes);
    this.#here = grown(this.#here);
  }
}
