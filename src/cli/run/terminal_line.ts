// The last line of a terminal, written anew in its place. What the filter itself writes comes above it.
import process from "node:process";

const CONSOLE = ["log", "info", "debug", "warn", "error"] as const;
/** To the line's begin; and whatever is to its right goes. */
const CLEAR = "\r\x1b[K";
const WIDTH = 80;

/** A line that stays below all others until it is disposed. */
export class TerminalLine implements Disposable {
  readonly #write: (text: string) => void;
  readonly #console = CONSOLE.map((name) => [name, console[name]] as const);
  #text = "";

  constructor(write: (text: string) => void) {
    this.#write = write;
    for (const [name, original] of this.#console) {
      console[name] = (...values: unknown[]) =>
        this.above(() => Reflect.apply(original, console, values));
    }
  }

  /** Makes this the line. */
  show(text: string): void {
    this.#text = text;
    // One that is as wide as the terminal would begin another. One whose size nobody has set says 0.
    const width = (process.stdout.columns || WIDTH) - 1;
    this.#write(`\r${[...text].slice(0, Math.max(0, width)).join("")}\x1b[K`);
  }

  /** Lets something write whole lines above it. */
  above(write: () => void): void {
    if (this.#text === "") return void write();
    this.#write(CLEAR);
    try {
      write();
    } finally {
      this.show(this.#text);
    }
  }

  /** The line goes; the console is as it was. */
  [Symbol.dispose](): void {
    if (this.#text !== "") this.#write(CLEAR);
    this.#text = "";
    for (const [name, original] of this.#console) console[name] = original;
  }
}
