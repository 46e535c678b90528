// An expression cut into words.
import type { Span } from "../../words/point.ts";
import { refuse } from "../../words/line_words.ts";

/** Most words that an expression may have: predicates then never nest too deep for the stack. */
const MOST_WORDS = 2000;

/** A word or an operator, and where it stands. */
export interface Word extends Span {
  readonly kind: "word" | "operator" | "end";
  /** Without the `\` that takes a keyword's meaning away. */
  readonly text: string;
  readonly escaped: boolean;
}

/** The longer ones first. */
const OPERATOR = /&&|\|\||<<|>>|<=|>=|==|!=|[()[\]:/!<>=&|^+\-*%]/y;
/** A name, a number, an address; a `-` stands inside of it only. */
const WORD = /\\?[\p{L}\p{N}_:.](?:[\p{L}\p{N}_:.,-]*[\p{L}\p{N}_:.])?/uy;
/** In brackets a `:` stands before the size. */
const WORD_IN_BRACKETS = /\\?[\p{L}\p{N}_.](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_.])?/uy;

/** What stands behind the last word. */
const endOf = (text: string): Word => ({
  ...{ kind: "end", text: "", escaped: false, at: text.length, length: 1 },
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
      refuse(text, { at, length: to - at }, "this sign has no meaning here");
    }
    if (part === "[") brackets++;
    if (part === "]") brackets--;
    const escaped = part.startsWith("\\");
    words.push({ kind, text: escaped ? part.slice(1) : part, escaped, at, length: to - at });
    if (words.length > MOST_WORDS) {
      refuse(text, { at, length: to - at }, `there are more than ${MOST_WORDS} words`);
    }
    at = to;
  }
  return [...words, endOf(text)];
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
