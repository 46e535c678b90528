/**
 * What is on the screen of a terminal: the escape sequences that our programs use, and no others.
 *
 * @module
 */

/** Sequences as `ESC [ ? 1 ; 2 h`, those of one letter, control characters, others. */
const ESCAPE = "\x1b";
const PARTS = new RegExp(
  String.raw`${ESCAPE}\[([<-?]?)([\d;]*)([@-~])|${ESCAPE}([78=>cM])|\p{Cc}|\P{Cc}`,
  "gu",
);
const SEQUENCES = new RegExp(String.raw`${ESCAPE}\[[<-?]?[\d;]*[@-~]|${ESCAPE}[78=>cM]|\r`, "g");

/** A text without escape sequences and carriage returns. */
export function withoutSequences(text: string): string {
  return text.replaceAll(SEQUENCES, "");
}

/** A character on the screen. */
export interface Cell {
  readonly character: string;
  /** The numbers of SGR that hold for it, as `1;31`; empty where there is none. */
  readonly style: string;
}

const BLANK: Cell = { character: " ", style: "" };

/** Cells and a cursor. A character takes one cell. */
export class Screen {
  #columns: number;
  #rows: number;
  #cells: Cell[][] = [];
  #style = "";
  #scrolled = 0;
  #row = 0;
  #column = 0;
  #saved: readonly [row: number, column: number] = [0, 0];
  /** The main screen while a program shows another. */
  #main: Cell[][] | undefined;
  #cursor = true;
  /** The begin of a sequence whose end has not come yet. */
  #rest = "";

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
    this.#cells = this.#empty();
  }

  /** The rows without the blanks at their ends, and without the empty rows at the end. */
  get text(): string {
    const lines = this.#cells.map((row) =>
      row.map(({ character }) => character).join("").trimEnd()
    );
    return lines.join("\n").trimEnd();
  }

  /** What is in each row. The next change is seen in it too. */
  get cells(): readonly (readonly Cell[])[] {
    return this.#cells;
  }

  /** Rows that went out at the top. */
  get scrolled(): number {
    return this.#scrolled;
  }

  /** Whether the cursor is seen. */
  get cursor(): boolean {
    return this.#cursor;
  }

  /** Whether a program shows the other screen. */
  get alternate(): boolean {
    return this.#main !== undefined;
  }

  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    const cells = this.#empty();
    const skipped = Math.max(0, this.#row - rows + 1);
    for (const [at, row] of cells.entries()) {
      const old = this.#cells[at + skipped] ?? [];
      for (const column of row.keys()) row[column] = old[column] ?? BLANK;
    }
    this.#cells = cells;
    this.#row = Math.min(this.#row - skipped, rows - 1);
    this.#column = Math.min(this.#column, columns - 1);
  }

  write(text: string): void {
    const all = this.#rest + text;
    this.#rest = "";
    for (const part of all.matchAll(PARTS)) {
      const [whole, mark = "", numbers = "", letter, short] = part;
      if (letter !== undefined) this.#control(mark, numbers.split(";").map(Number), letter);
      else if (short !== undefined) this.#short(short);
      else if (whole === "\x1b") {
        this.#rest = all.slice(part.index);
        if (this.#rest.length > 40) {
          throw new Error(`no known sequence: ${JSON.stringify(this.#rest)}`);
        }
        return;
      } else this.#character(whole);
    }
  }

  #empty(): Cell[][] {
    return Array.from({ length: this.#rows }, () => this.#blank());
  }

  #blank(): Cell[] {
    return Array.from({ length: this.#columns }, () => BLANK);
  }

  #character(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") this.#lineFeed();
    else if (character === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (character === "\t") {
      this.#column = Math.min(this.#columns - 1, (this.#column | 7) + 1);
    } else if (character >= " " && character !== "\x7f") {
      if (this.#column >= this.#columns) {
        this.#column = 0;
        this.#lineFeed();
      }
      this.#cells[this.#row]![this.#column++] = { character, style: this.#style };
    }
  }

  #lineFeed(): void {
    if (this.#row < this.#rows - 1) {
      this.#row++;
      return;
    }
    this.#cells.shift();
    if (!this.alternate) this.#scrolled++;
    this.#cells.push(this.#blank());
  }

  #short(letter: string): void {
    if (letter === "7") this.#saved = [this.#row, this.#column];
    if (letter === "8") [this.#row, this.#column] = this.#saved;
  }

  #control(mark: string, numbers: readonly number[], letter: string): void {
    const first = numbers[0] ?? 0;
    const count = Math.max(1, first);
    if (mark === "?") return this.#mode(numbers, letter);
    const row = (to: number) => this.#row = Math.max(0, Math.min(this.#rows - 1, to));
    const column = (to: number) => this.#column = Math.max(0, Math.min(this.#columns - 1, to));
    const moves: Readonly<Record<string, () => void>> = {
      A: () => row(this.#row - count),
      B: () => row(this.#row + count),
      C: () => column(this.#column + count),
      D: () => column(this.#column - count),
      E: () => (row(this.#row + count), column(0)),
      F: () => (row(this.#row - count), column(0)),
      G: () => column(count - 1),
      H: () => (row(count - 1), column(Math.max(1, numbers[1] ?? 1) - 1)),
      J: () => this.#erase(first),
      K: () => this.#eraseRow(this.#row, first),
      m: () => this.#paint(numbers),
    };
    const move = moves[letter];
    if (move === undefined) {
      throw new Error(`no known sequence: ESC [ ${numbers.join(";")} ${letter}`);
    }
    move();
  }

  #paint(numbers: readonly number[]): void {
    for (const number of numbers) {
      // 0 ends them all.
      if (number === 0) this.#style = "";
      else this.#style = this.#style === "" ? `${number}` : `${this.#style};${number}`;
    }
  }

  #mode(numbers: readonly number[], letter: string): void {
    const on = letter === "h";
    if (numbers.includes(25)) this.#cursor = on;
    if (!numbers.includes(1049) || on === this.alternate) return;
    const main = this.#main;
    this.#main = on ? this.#cells : undefined;
    if (on) this.#saved = [this.#row, this.#column];
    else [this.#row, this.#column] = this.#saved;
    this.#cells = main ?? this.#empty();
  }

  /** @param part 0: from the cursor on, 1: up to the cursor, 2: all */
  #erase(part: number): void {
    for (const at of this.#cells.keys()) {
      if (part >= 2 || (part === 0 && at > this.#row) || (part === 1 && at < this.#row)) {
        this.#cells[at] = this.#blank();
      }
    }
    if (part < 2) this.#eraseRow(this.#row, part);
  }

  #eraseRow(at: number, part: number): void {
    const row = this.#cells[at]!;
    for (const column of row.keys()) {
      if (part >= 2 || (part === 0 ? column >= this.#column : column <= this.#column)) {
        row[column] = BLANK;
      }
    }
  }
}
