// Tells of failures: the first of a kind at once, those like it by their number, so that a handler that
// fails at every packet writes a line now and then.

/** How often a kind is told of again. */
const AGAIN_MILLISECONDS = 10_000;
/** The file that calls a filter, in a stack. */
const CALLER = new URL("engagement.ts", import.meta.url).pathname;
/** More kinds than these count as one. */
const MOST_KINDS = 100;
const OTHERS = "other failures";

interface Kind {
  /** Not told yet. */
  count: number;
  toldAt: number;
  /** The text of the last one. */
  last: string;
}

/** What was thrown, as text. It may be anything, and itself throw when it is looked at. */
export function textOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error);
    const head = `${error.name}: ${error.message}`;
    const { stack } = error;
    if (typeof stack !== "string" || stack === "") return head;
    return withoutHost(stack.includes(error.message) ? stack : `${head}\n${stack}`);
  } catch {
    return "something that cannot be shown";
  }
}

/** Who called the filter is no news. */
function withoutHost(stack: string): string {
  const lines = stack.split("\n");
  const host = lines.findIndex((line) => line.includes(CALLER));
  return host < 0 ? stack : lines.slice(0, host).join("\n");
}

/** The same failure at the same place, whatever numbers its message holds. */
function kindOf(text: string): string {
  const [head = "", ...rest] = text.split("\n");
  const place = rest.find((line) => /^\s*at\s|:\d+:\d+/.test(line)) ?? "";
  return `${head.replaceAll(/\d+/g, "#").slice(0, 200)} ${place.trim()}`;
}

/** Failures of one host. */
export class Failures {
  readonly #log: (message: string) => void;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  /** One more. `what` says what has failed, and what came of it. */
  tell(what: string, error: unknown): void {
    this.note(`${what}: ${textOf(error)}`);
  }

  /** One more, of which the text says all. */
  note(text: string): void {
    let name = kindOf(text);
    let kind = this.#kinds.get(name);
    if (kind === undefined && this.#kinds.size >= MOST_KINDS) kind = this.#kinds.get(name = OTHERS);
    if (kind === undefined) {
      this.#kinds.set(name, { count: 0, toldAt: performance.now(), last: text });
      return this.#say(text);
    }
    kind.count++;
    kind.last = text;
    if (performance.now() - kind.toldAt < AGAIN_MILLISECONDS) return;
    this.#say(`${text}\n${more(kind)}`);
    kind.count = 0;
    kind.toldAt = performance.now();
  }

  /** Tells of those that were only counted. */
  end(): void {
    for (const kind of this.#kinds.values()) {
      if (kind.count > 0) this.#say(`${kind.last.split("\n", 1)[0]}: ${more(kind)}`);
      kind.count = 0;
    }
  }

  /** A log that throws must not decide packets. */
  #say(text: string): void {
    try {
      this.#log(text);
    } catch {
      // Nobody is left to be told.
    }
  }
}

const more = ({ count }: Kind) => `${count} more like it since`;
