import type { Cursor } from "./cursor.ts";
import type { Word } from "./words.ts";

const NUMBER = /^(?:0|[1-9]\d*|0x[0-9a-f]+)$/i;

/** Whether it is written as a number. */
export const isNumber = ({ kind, text }: Word): boolean => kind === "word" && NUMBER.test(text);

/**
 * Takes a number from 0 to `most`.
 *
 * @param what for the error: `a port`
 * @throws {UsageError}
 */
export function takeNumber(cursor: Cursor, what: string, most: number): number {
  const word = cursor.take();
  const value = isNumber(word) ? Number(word.text) : NaN;
  if (value <= most) return value;
  return cursor.fail(word, `${what} is a number from 0 to ${most}`);
}
