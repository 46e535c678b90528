// Device names in ip_queue's packets: 16 bytes, of which the kernel ends the 15th at the latest with
// a NUL. They are bytes to the kernel and UTF-8 to everyone who shows them.
import { i32At, IPQ_NAME_SIZE } from "./messages.ts";
import { show } from "../../base/checks.ts";

/** Reads the names of one field; the last one is remembered, as packets come in runs. */
export class IpqNameReader {
  // The name is made from this copy, so that the two always belong together.
  readonly #words = new Int32Array(new ArrayBuffer(IPQ_NAME_SIZE));
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #name = "";

  /** The name at `at`, where 16 bytes are known to be: the text before the first NUL. */
  read(bytes: Uint8Array, at: number): string {
    if (bytes[at] === 0) return "";
    const words = this.#words;
    const word0 = i32At(bytes, at);
    const word1 = i32At(bytes, at + 4);
    const word2 = i32At(bytes, at + 8);
    const word3 = i32At(bytes, at + 12);
    if (word0 !== words[0] || word1 !== words[1] || word2 !== words[2] || word3 !== words[3]) {
      words[0] = word0;
      words[1] = word1;
      words[2] = word2;
      words[3] = word3;
      this.#name = textOf(this.#bytes);
    }
    return this.#name;
  }
}

/** The text before the first NUL, or all of it where there is none. */
function textOf(bytes: Uint8Array): string {
  let name = "";
  for (const byte of bytes) {
    if (byte === 0) break;
    if (byte >= 0x80) return utf8Of(bytes);
    name += String.fromCharCode(byte);
  }
  return name;
}

function utf8Of(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(text);
}

/**
 * A device name as ip_queue writes it: 16 bytes of UTF-8 and NULs.
 *
 * @param field what to call it in an error.
 * @throws {TypeError | RangeError} when it is no text, has more than 15 bytes or holds a NUL.
 */
export function ipqDeviceName(name: string, field: string = "name"): Uint8Array {
  if (typeof name !== "string") {
    throw new TypeError(`${field} must be a string, got ${show(name)}`);
  }
  const text = new TextEncoder().encode(name);
  if (text.length >= IPQ_NAME_SIZE || text.includes(0)) {
    throw new RangeError(`${field} must be at most 15 bytes without NUL, got ${show(name)}`);
  }
  const bytes = new Uint8Array(new ArrayBuffer(IPQ_NAME_SIZE));
  bytes.set(text);
  return bytes;
}
