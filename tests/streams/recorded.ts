/**
 * Callbacks of `TcpStreams` that sum what they let go on.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { HOLD, type StreamResult, type TcpStream } from "../../src/streams/mod.ts";

/** What a callback does with its data; `call` counts from 0. */
export type Transform = (data: Uint8Array, stream: TcpStream, call: number) => StreamResult;

/** No bytes. */
export const NOTHING: Uint8Array = new Uint8Array(0);

/** Both, one behind the other. */
export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** A direction's transform, and the sum of what should arrive. */
export class Recorded {
  readonly #transform: Transform;
  readonly #sum: Hash = createHash("sha256");
  #length = 0;
  #calls = 0;

  constructor(transform: Transform) {
    this.#transform = transform;
  }

  readonly callback = (data: Uint8Array, stream: TcpStream): StreamResult => {
    const came = data.slice();
    const result = this.#transform(data, stream, this.#calls++);
    const gone = result instanceof Uint8Array ? result : result === HOLD ? NOTHING : came;
    this.#sum.update(gone);
    this.#length += gone.length;
    return result;
  };

  /** What the receiver prints at its end (fixtures/peer.ts). */
  get line(): string {
    return `got ${this.#length} ${this.#sum.digest("hex")}`;
  }
}
