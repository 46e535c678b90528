// Errors in a line of words: the line, and a mark below the words that are wrong.

/** Part of a text: where it begins, and how long it is. */
export interface Span {
  readonly at: number;
  readonly length: number;
}

/** What moves a cursor, begins a line, or is not seen. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A message whose characters are all seen: others, line feeds and tabs aside, are written as `\u{…}`. */
export function visible(message: string): string {
  return message.replace(
    UNSEEN,
    (character) =>
      character === "\n" || character === "\t"
        ? character
        : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** What fits on a line of most terminals. */
const MOST = 76;

/**
 * The text on one line, and `^` below a part of it. A long text is cut around that part. Control
 * characters become spaces: nothing that is shown moves a cursor or begins a line.
 */
export function pointAt(text: string, { at, length }: Span): string {
  const line = text.replace(UNSEEN, (character) => " ".repeat(character.length));
  const begin = Math.max(0, Math.min(at - MOST / 2, line.length - MOST));
  const shown = line.slice(begin, begin + MOST);
  const front = begin > 0 ? "…" : "";
  const back = begin + MOST < line.length ? "…" : "";
  const room = Math.max(1, MOST + 1 - (at - begin));
  const mark = "^".repeat(Math.max(1, Math.min(length, room)));
  return `  ${front}${shown}${back}\n  ${" ".repeat(front.length + at - begin)}${mark}`;
}
