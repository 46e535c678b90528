// The whole terminal for a while: another screen, no cursor, keys as they are typed.
import process from "node:process";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const TOP = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";

/** What happens in a terminal. */
export interface TerminalEvents {
  /** Keys that were typed: characters, and the sequences of other keys. */
  readonly onKeys: (keys: string) => void;
  readonly onResize: () => void;
}

/** Columns and rows. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The size now. */
export function terminalSize(): TerminalSize {
  const [columns = 80, rows = 24] = process.stdout.getWindowSize?.() ?? [];
  // A terminal whose size nobody has set says 0.
  return { columns: columns || 80, rows: rows || 24 };
}

/** The screen, until it is disposed: it is then as it was before, on every way out of the process. */
export class FullScreen implements Disposable {
  readonly #events: TerminalEvents;
  readonly #keys: boolean;
  #open = true;

  constructor(events: TerminalEvents) {
    this.#events = events;
    this.#keys = process.stdin.isTTY === true;
    process.on("exit", this.#leave);
    process.on("SIGWINCH", events.onResize);
    if (this.#keys) {
      process.stdin.setRawMode(true);
      process.stdin.on("data", this.#type);
      process.stdin.resume();
    }
    process.stdout.write(ENTER);
  }

  /** Shows these lines, and nothing else. Lines that are too many are not shown. */
  draw(lines: readonly string[]): void {
    const text = lines.slice(0, terminalSize().rows)
      .map((line) => `${line}${REST_OF_LINE}`).join("\r\n");
    process.stdout.write(`${TOP}${text}${REST_OF_SCREEN}`);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#leave);
    this.#leave();
  }

  readonly #type = (bytes: Uint8Array): void => {
    this.#events.onKeys(new TextDecoder().decode(bytes));
  };

  readonly #leave = (): void => {
    if (!this.#open) return;
    this.#open = false;
    process.off("SIGWINCH", this.#events.onResize);
    if (this.#keys) {
      process.stdin.off("data", this.#type);
      process.stdin.pause();
      process.stdin.setRawMode(false);
    }
    process.stdout.write(LEAVE);
  };
}
