import type { Span } from "../../words/point.ts";
import { refuse } from "../../words/line_words.ts";
import { type Word, wordsOf } from "./words.ts";

/** Brackets in brackets: each takes some of the stack. */
const MOST_NESTED = 100;

/** A place in the words of an expression. */
export class Cursor {
  readonly #text: string;
  readonly #words: readonly Word[];
  #at = 0;
  #nested = 0;

  /** @throws {UsageError} */
  constructor(text: string) {
    this.#text = text;
    this.#words = wordsOf(text);
  }

  /** The next word, or the one so many further on. */
  peek(ahead: number = 0): Word {
    return this.#words[Math.min(this.#at + ahead, this.#words.length - 1)]!;
  }

  /** Takes the next word. */
  take(): Word {
    const word = this.peek();
    if (word.kind !== "end") this.#at++;
    return word;
  }

  /** Whether the next word, or the one so many further on, is one of these. */
  is(texts: readonly string[], ahead: number = 0): boolean {
    const { kind, escaped, text } = this.peek(ahead);
    return kind !== "end" && !escaped && texts.includes(text);
  }

  /** Takes the next word if it is one of these. */
  accept(...texts: readonly string[]): Word | undefined {
    return this.is(texts) ? this.take() : undefined;
  }

  /**
   * Takes the next word, which must be that.
   *
   * @throws {UsageError}
   */
  expect(text: string): void {
    if (this.accept(text) === undefined) this.fail(this.peek(), `${text} is missing here`);
  }

  /** @throws {UsageError} that points at the word */
  fail(word: Span, message: string): never {
    refuse(this.#text, word, message);
  }

  /**
   * Reads what stands in brackets.
   *
   * @throws {UsageError} where they are too many
   */
  nest<Result>(read: () => Result): Result {
    if (++this.#nested > MOST_NESTED) {
      this.fail(this.peek(), `more than ${MOST_NESTED} brackets in brackets`);
    }
    const result = read();
    this.#nested--;
    return result;
  }

  /** What stands behind the bracket that closes the one here, as a number of words from here. */
  behindBrackets(): number {
    let depth = 0;
    for (let ahead = 0;; ahead++) {
      const { kind } = this.peek(ahead);
      if (kind === "end") return ahead;
      if (this.is(["("], ahead)) depth++;
      if (this.is([")"], ahead) && --depth === 0) return ahead + 1;
    }
  }
}
