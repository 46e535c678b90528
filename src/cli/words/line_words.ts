// A line of words: `output protocol=tcp expression="tcp flags syn"`.
import { UsageError } from "../frame/command.ts";
import { pointAt, type Span, visible } from "./point.ts";

/** A word of a line: `value` alone, or `name=value`. */
export interface LineWord extends Span {
  readonly name: string | undefined;
  /** Without its quotes. */
  readonly value: string;
  /** Where the value stands in the line, with its quotes. */
  readonly place: Span;
  readonly quoted: boolean;
}

const BLANK = /[ \t\r\n]/;
const WORD = /[^ \t\r\n]+/y;
const NAME = /([A-Za-z.]*)=/y;

/** Throws an error that shows the line, and points at a part of it. */
export function refuse(line: string, place: Span, message: string): never {
  throw new UsageError(`${visible(message)}\n${pointAt(line, place)}`);
}

/**
 * Splits a line at blanks. A value that has blanks stands in quotes, double or single ones. In double
 * quotes `\"` is a quote and `\\` is a backslash.
 *
 * @throws {UsageError} for quotes that do not end, and for what stands right behind them
 */
export function readWords(line: string): LineWord[] {
  const words: LineWord[] = [];
  for (let at = 0; at < line.length;) {
    if (BLANK.test(line[at]!)) {
      at++;
      continue;
    }
    NAME.lastIndex = at;
    const name = NAME.exec(line)?.[1];
    const begin = name === undefined ? at : NAME.lastIndex;
    const quote = line[begin];
    const quoted = name !== undefined && (quote === '"' || quote === "'");
    let value: string, end: number;
    if (quoted) {
      ({ value, end } = quotedText(line, begin));
    } else {
      WORD.lastIndex = begin;
      value = WORD.exec(line)?.[0] ?? "";
      end = begin + value.length;
    }
    const place = { at: begin, length: Math.max(1, end - begin) };
    words.push({ name, value, quoted, at, length: end - at, place });
    at = end;
  }
  return words;
}

function quotedText(line: string, begin: number): { value: string; end: number } {
  const quote = line[begin];
  let value = "";
  for (let at = begin + 1; at < line.length; at++) {
    let character = line[at]!;
    if (character === quote) {
      const next = line[at + 1];
      if (next === undefined || BLANK.test(next)) return { value, end: at + 1 };
      const place = { at: at + 1, length: 1 };
      refuse(line, place, "a value ends with its quote: a blank must stand behind it");
    }
    const next = line[at + 1];
    if (quote === '"' && character === "\\" && (next === '"' || next === "\\")) {
      character = next;
      at++;
    }
    value += character;
  }
  const place = { at: begin, length: line.length - begin };
  refuse(line, place, `this value has no ${quote} at its end`);
}

/** A value as it stands in a line: in quotes where it needs them. */
export function writeValue(value: string): string {
  if (value !== "" && !/[ \t\r\n]/.test(value) && !/^["']/.test(value)) return value;
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}
