// Options of pcapng's blocks: a code, a length, a value that is padded to whole words.
import { padded } from "./pcapng_format.ts";

/** The values of a block's options by code, in their order. One that is cut ends the list. */
export type Options = ReadonlyMap<number, readonly DataView<ArrayBuffer>[]>;

/** @param body of the block, from its options on */
export function readOptions(body: DataView<ArrayBuffer>, littleEndian: boolean): Options {
  const options = new Map<number, DataView<ArrayBuffer>[]>();
  for (let at = 0; at + 4 <= body.byteLength;) {
    const code = body.getUint16(at, littleEndian);
    const length = body.getUint16(at + 2, littleEndian);
    if (code === 0 || at + 4 + length > body.byteLength) break;
    const value = new DataView(body.buffer, body.byteOffset + at + 4, length);
    const values = options.get(code);
    if (values === undefined) options.set(code, [value]);
    else values.push(value);
    at += 4 + padded(length);
  }
  return options;
}

const decoder = new TextDecoder();

/** All texts of an option; bytes that are no UTF-8 become U+FFFD. */
export function textsOf(options: Options, code: number): string[] {
  // Some writers end a text with a NUL.
  return (options.get(code) ?? []).map((value) => decoder.decode(value).replace(/\0+$/, ""));
}

/** An unsigned number of 4 or 8 bytes; undefined where it is absent, or beyond 2**53-1. */
export function numberOf(
  options: Options,
  code: number,
  littleEndian: boolean,
): number | undefined {
  const value = options.get(code)?.[0];
  if (value?.byteLength === 4) return value.getUint32(0, littleEndian);
  if (value?.byteLength !== 8) return undefined;
  const words = [value.getUint32(0, littleEndian), value.getUint32(4, littleEndian)] as const;
  const [low, high] = littleEndian ? words : [words[1], words[0]];
  const number = high * 2 ** 32 + low;
  return Number.isSafeInteger(number) ? number : undefined;
}
