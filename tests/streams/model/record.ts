// What a callback of `TcpStreams` should see, and what should go on, worked out from the contract alone.

import { HOLD, type StreamResult, type TcpStream } from "../../../src/streams/mod.ts";

/** What a transform is told. */
export interface Call {
  readonly data: Uint8Array;
  readonly stream: TcpStream;
  /** Bytes of the stream before `data`. */
  readonly before: number;
  /** How many calls there were before. */
  readonly calls: number;
}

/** What a callback does. */
export type Transform = (call: Call) => StreamResult;

const NOTHING = new Uint8Array(0);

/** One direction: checks each call, and gathers what should go on. */
export class StreamRecord {
  /** The first thing that was wrong. */
  wrong: string | undefined;
  /** Whether a call came with `ended`. */
  ended = false;
  calls = 0;
  /** Bytes that were given, without those that were held. */
  seen = 0;
  /** The callback has called `pass()`. */
  passed = false;

  readonly #source: Uint8Array | undefined;
  readonly #transform: Transform;
  readonly #out: Uint8Array[] = [];
  #held = NOTHING;

  /** @param source what is sent; undefined: the first bytes that come are right */
  constructor(source: Uint8Array | undefined, transform: Transform) {
    this.#source = source;
    this.#transform = transform;
  }

  /** The callback. */
  readonly callback = (data: Uint8Array, stream: TcpStream): StreamResult => {
    this.#check(data);
    if (this.ended) this.#complain("a call behind the last one");
    if (this.passed) this.#complain("a call behind pass()");
    const before = this.seen - this.#held.length;
    this.seen = before + data.length;
    if (stream.ended) this.ended = true;
    const given = data.slice();
    const result = this.#transform({ data, stream, before, calls: this.calls++ });
    this.#take(given, result);
    // What is held at the last call goes on as it is.
    if (stream.ended) this.#release();
    return result;
  };

  /** What should go on, if the direction is not reset. */
  get expected(): Uint8Array {
    const rest = this.#source?.subarray(this.seen) ?? NOTHING;
    return joined([...this.#out, this.#held, rest]);
  }

  /** What is missing where the connection has ended in order. */
  get unseen(): string | undefined {
    if (this.passed) return undefined;
    if (this.#source !== undefined && this.seen !== this.#source.length) {
      return `the callback saw ${this.seen} of ${this.#source.length} bytes`;
    }
    return this.ended ? undefined : "the callback had no last call";
  }

  #take(data: Uint8Array, result: StreamResult): void {
    if (result === undefined) this.#go(data, 0);
    else if (result === HOLD) this.#held = data.slice();
    else if (result instanceof Uint8Array) {
      this.#out.push(result.slice());
      this.#held = NOTHING;
    } else if ("data" in (result as object)) {
      const { data: made, hold } = result as { data: Uint8Array; hold: number };
      this.#out.push(made.slice());
      this.#held = data.slice(data.length - hold);
    }
  }

  #go(data: Uint8Array, hold: number): void {
    this.#out.push(data.slice(0, data.length - hold));
    this.#held = data.slice(data.length - hold);
  }

  #release(): void {
    this.#out.push(this.#held);
    this.#held = NOTHING;
  }

  #check(data: Uint8Array): void {
    const from = this.seen - this.#held.length;
    if (data.length < this.#held.length) this.#complain("held bytes did not come again");
    for (const [at, byte] of this.#held.entries()) {
      if (data[at] !== byte) this.#complain("held bytes came again as others");
    }
    if (this.#source === undefined) return;
    if (from + data.length > this.#source.length) this.#complain("more bytes than were sent");
    for (let at = 0; at < data.length; at++) {
      if (data[at] === this.#source[from + at]) continue;
      this.#complain(`byte ${from + at} is ${data[at]}, and ${this.#source[from + at]} was sent`);
      return;
    }
  }

  #complain(text: string): void {
    this.wrong ??= `call ${this.calls} of the callback: ${text}`;
  }
}

/** All of them in a row. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
