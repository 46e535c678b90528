// An expression cut into words, and errors that point at one of them.
import { UsageError } from "../../command.ts";

/** Most words that an expression may have: predicates then never nest too deep for the stack. */
const MOST_WORDS = 2000;
/** Columns of the expression that an error shows. */
const SHOWN = 72;

/** A word or an operator, and where it stands. */
export interface Word {
  readonly kind: "word" | "operator" | "end";
  /** Without the `\` that takes a keyword's meaning away. */
  readonly text: string;
  readonly escaped: boolean;
  readonly from: number;
  readonly to: number;
}

/** The longer ones first. */
const OPERATOR = /&&|\|\||<<|>>|<=|>=|==|!=|[()[\]:/!<>=&|^+\-*%]/y;
/** A name, a number, an address; a `-` stands inside of it only. */
const WORD = /\\?[\p{L}\p{N}_:.](?:[\p{L}\p{N}_:.,-]*[\p{L}\p{N}_:.])?/uy;
/** In brackets a `:` stands before the size. */
const WORD_IN_BRACKETS = /\\?[\p{L}\p{N}_.](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_.])?/uy;

/** What stands behind the last word. */
const endOf = (text: string): Word => ({
  ...{ kind: "end", text: "", escaped: false, from: text.length, to: text.length },
});

/** The words of an expression, the end as the last of them. */
export function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  let brackets = 0;
  for (let at = 0; at < text.length;) {
    const blank = /\s+/y;
    blank.lastIndex = at;
    if (blank.test(text)) {
      at = blank.lastIndex;
      continue;
    }
    const found = match(brackets > 0 ? WORD_IN_BRACKETS : WORD, text, at);
    const kind = found === undefined ? "operator" : "word";
    const part = found ?? match(OPERATOR, text, at);
    const to = at + (part?.length ?? String.fromCodePoint(text.codePointAt(at)!).length);
    if (part === undefined) {
      throw wrongWord(text, { from: at, to }, "this sign has no meaning here");
    }
    if (part === "[") brackets++;
    if (part === "]") brackets--;
    const escaped = part.startsWith("\\");
    words.push({ kind, text: escaped ? part.slice(1) : part, escaped, from: at, to });
    if (words.length > MOST_WORDS) {
      throw wrongWord(text, { from: at, to }, `there are more than ${MOST_WORDS} words`);
    }
    at = to;
  }
  return [...words, endOf(text)];
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** An error that shows the expression, with the word marked. */
export function wrongWord(
  text: string,
  { from, to }: Pick<Word, "from" | "to">,
  message: string,
): UsageError {
  // Control characters would move the cursor, and the marks away from their word.
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => "�".repeat(sign.length));
  const start = clean.length <= SHOWN ? 0 : Math.max(0, Math.min(from, clean.length) - SHOWN / 2);
  const end = Math.min(clean.length, start + SHOWN);
  const line = `${start > 0 ? "…" : ""}${clean.slice(start, end)}${end < clean.length ? "…" : ""}`;
  const before = from - start + (start > 0 ? 1 : 0);
  const marks = "^".repeat(Math.max(1, Math.min(to, end) - from));
  return new UsageError(`${message}\n  ${line}\n  ${" ".repeat(before)}${marks}`);
}
