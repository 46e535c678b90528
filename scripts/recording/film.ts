/**
 * What a terminal showed, and when: each line of text once, with the time from which and until which it
 * was there.
 *
 * @module
 */

import { type Cell, Screen } from "../../tests/support/terminal/screen.ts";

/** Characters of one style beside each other. */
export interface Run {
  readonly column: number;
  readonly text: string;
  /** Numbers of SGR: `1;31`. */
  readonly style: string;
}

/** One row's content as long as it stayed the same. */
export interface Line {
  /** Rows from the first that was ever written. */
  readonly row: number;
  readonly runs: readonly Run[];
  /** Milliseconds. */
  readonly from: number;
  /** Infinity: until the end. */
  readonly until: number;
}

/** How far the screen had moved down. */
export interface Scroll {
  readonly at: number;
  readonly rows: number;
}

/** A size in characters, and what is drawn as a pause. */
export interface FilmOptions {
  readonly columns: number;
  readonly rows: number;
  /** A longer pause becomes as short (ms). */
  readonly longest: number;
  /** Lines that came at once come one after the other, so far apart (ms). */
  readonly apart: number;
  /** What comes within this time is one change (ms). */
  readonly together: number;
}

/** Runs of a row: gaps of several blanks are left out. */
function runsOf(cells: readonly Cell[]): Run[] {
  const runs: { column: number; text: string; style: string }[] = [];
  for (const [column, { character, style }] of cells.entries()) {
    const last = runs.at(-1);
    if (last?.style === style && column === last.column + last.text.length) last.text += character;
    else runs.push({ column, text: character, style });
  }
  return runs.flatMap(({ column, text, style }) =>
    [...text.matchAll(/\S+(?: \S+)*/g)].map((part) => ({
      column: column + part.index,
      text: part[0],
      style,
    }))
  );
}

/** Takes what is written, with the times, and tells what was seen. */
export class Film {
  readonly #options: FilmOptions;
  readonly #screen: Screen;
  readonly #ended: Line[] = [];
  readonly #open = new Map<number, { key: string; line: Line }>();
  readonly #scrolls: Scroll[] = [{ at: 0, rows: 0 }];
  #waiting = "";
  #waitingSince = 0;
  #last: number | undefined;
  #now = 0;

  constructor(options: FilmOptions) {
    this.#options = options;
    this.#screen = new Screen(options.columns, options.rows);
  }

  /** The time in the film (ms). */
  get now(): number {
    return this.#now;
  }

  /** What the screen shows. */
  get text(): string {
    return this.#screen.text;
  }

  /** @param at the real time (ms) */
  write(text: string, at: number): void {
    const { together } = this.#options;
    if (this.#waiting !== "" && at - this.#waitingSince > together) this.#flush();
    if (this.#waiting === "") this.#waitingSince = at;
    this.#waiting += text;
  }

  /** A person types it: a letter after the other. */
  type(text: string): void {
    this.#flush();
    for (const letter of text) {
      this.#show(letter);
      this.#now += 45;
    }
  }

  /** Nothing happens for some time (ms); what comes next comes after it. */
  pause(milliseconds: number): void {
    this.#flush();
    this.#now += milliseconds;
    this.#last = undefined;
  }

  /** What was seen, each line once. */
  end(): { readonly lines: readonly Line[]; readonly scrolls: readonly Scroll[] } {
    this.#flush();
    const lines = [...this.#ended, ...[...this.#open.values()].map(({ line }) => line)]
      .filter(({ runs, from, until }) => runs.length > 0 && until > from);
    return { lines, scrolls: this.#scrolls };
  }

  #flush(): void {
    if (this.#waiting === "") return;
    const { longest, apart } = this.#options;
    if (this.#last !== undefined) {
      this.#now += Math.min(longest, this.#waitingSince - this.#last);
    }
    this.#last = this.#waitingSince;
    const parts = apart > 0 ? this.#waiting.split(/(?<=\n)/) : [this.#waiting];
    this.#waiting = "";
    for (const [at, part] of parts.entries()) {
      if (at > 0) this.#now += apart;
      this.#show(part);
    }
  }

  #show(text: string): void {
    this.#screen.write(text);
    const { scrolled, cells } = this.#screen;
    if (this.#scrolls.at(-1)!.rows !== scrolled) {
      if (this.#scrolls.at(-1)!.at === this.#now) this.#scrolls.pop();
      this.#scrolls.push({ at: this.#now, rows: scrolled });
    }
    for (const [at, row] of cells.entries()) {
      const runs = runsOf(row);
      const key = JSON.stringify(runs);
      const number = scrolled + at;
      const old = this.#open.get(number);
      if (old?.key === key) continue;
      if (old !== undefined) this.#ended.push({ ...old.line, until: this.#now });
      const line = { row: number, runs, from: this.#now, until: Infinity };
      this.#open.set(number, { key, line });
    }
  }
}
