// Output that never makes packets wait: what a slow reader has not taken yet is kept, up to a limit.
import { write } from "../../base/bytes.ts";
import { SystemError } from "../../linux/errno.ts";

/** Where the bytes go. */
export interface ByteWriter extends Disposable {
  /** Writes some of the bytes, and tells how many; 0 where it must be tried again later. */
  write(bytes: Uint8Array): number;
}

/** Bytes that may wait. */
const MOST_WAITING = 4 << 20;
/** Bytes that are gathered before they are written within one turn of the event loop. */
const GATHERED = 64 << 10;
const RETRY_MILLISECONDS = 5;
/** How long the reader may take once the command was told to end. */
const LAST_MILLISECONDS = 1000;

const encoder = new TextEncoder();

/** Bytes in a row. */
interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  from: number;
  to: number;
}

/** Bytes and lines on their way to a file, a pipe or a terminal. */
export class BoundedOutput implements Disposable {
  readonly #writer: ByteWriter;
  readonly #ended: (error: unknown) => void;
  /** Oldest first; the first may be written in part, and the last has room for more. */
  readonly #waiting: Piece[] = [];
  #text = "";
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  /** Callbacks of those who wait for room, or for the end. */
  #listeners: (() => void)[] = [];

  /** @param ended called once when nothing can be written any more */
  constructor(writer: ByteWriter, ended: (error: unknown) => void) {
    this.#writer = writer;
    this.#ended = ended;
  }

  /** Whether nothing can be written any more. */
  get closed(): boolean {
    return this.#over;
  }

  /** Whether there is room for more. Without, what is written all the same is kept too. */
  get hasRoom(): boolean {
    return !this.#over && this.#bytes + this.#text.length < MOST_WAITING;
  }

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#over || (this.#bytes === 0 && this.#text === "");
  }

  writeText(text: string): void {
    this.#text += text;
    if (this.#text.length >= GATHERED) this.#gather();
    this.#schedule(0);
  }

  writeBytes(bytes: Uint8Array): void {
    this.#gather();
    this.#push(bytes);
    this.#schedule(0);
  }

  /** Waits until there is room, or the signal aborts. */
  room(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.hasRoom || this.#over, signal);
  }

  /**
   * Waits until all is written. When the signal aborts, the reader has a second more.
   *
   * @returns bytes that were given up
   */
  async finish(signal: AbortSignal): Promise<number> {
    this.#pump();
    await this.#until(() => this.empty, signal);
    if (!this.empty) {
      await this.#until(() => this.empty, AbortSignal.timeout(LAST_MILLISECONDS));
    }
    this.#gather();
    return this.#over ? 0 : this.#bytes;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#writer[Symbol.dispose]();
  }

  async #until(reached: () => boolean, signal: AbortSignal): Promise<void> {
    while (!reached() && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
  }

  #gather(): void {
    if (this.#text === "") return;
    this.#push(encoder.encode(this.#text));
    this.#text = "";
  }

  #push(bytes: Uint8Array): void {
    if (this.#over || bytes.length === 0) return;
    this.#bytes += bytes.length;
    let last = this.#waiting.at(-1);
    // One write for many packets.
    if (last === undefined || last.bytes.length - last.to < bytes.length) {
      const size = Math.max(GATHERED, bytes.length);
      last = { bytes: new Uint8Array(new ArrayBuffer(size)), from: 0, to: 0 };
      this.#waiting.push(last);
    }
    write(last.bytes, last.to, bytes);
    last.to += bytes.length;
  }

  #schedule(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, milliseconds);
  }

  #pump(): void {
    this.#gather();
    try {
      while (this.#bytes > 0) {
        const first = this.#waiting[0]!;
        const written = this.#writer.write(first.bytes.subarray(first.from, first.to));
        if (written === 0) break;
        this.#bytes -= written;
        first.from += written;
        if (first.from === first.to) this.#waiting.shift();
      }
    } catch (error) {
      this.#over = true;
      this.#waiting.length = this.#bytes = 0;
      this.#ended(error);
    }
    if (this.#bytes > 0) this.#schedule(RETRY_MILLISECONDS);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/** Whether the reader of an output has gone. */
export function isUnread(error: unknown): boolean {
  return error instanceof SystemError && error.code === "EPIPE";
}
