/**
 * Verdicts that left together. The kernel answers each that it refuses, except to a sender without the
 * capability: that is told once a message, for the first one in it.
 *
 * @module
 */

import { QUEUE_MESSAGE } from "../netlink/queue/numbers.ts";
import { VERDICT_SIZE } from "../netlink/queue/verdict.ts";

/** Where our verdict messages have the verdict and the id. */
export const SENT = { verdict: 24, id: 28 } as const;

/** Before an answer is read at most as many verdicts are given as two queues are long. */
const MOST = 2048;

/** The last ones. */
export class SentVerdicts {
  readonly #bytes = new Uint8Array(new ArrayBuffer(MOST * VERDICT_SIZE));
  readonly #view = new DataView(this.#bytes.buffer);
  /** How many left together with each that was the first one; 0 for the others. */
  readonly #counts = new Uint8Array(MOST);
  #next = 0;

  /** Keeps a message of so many verdicts, at most 255. */
  add(message: Uint8Array, count: number): void {
    if (this.#next + count > MOST) {
      this.#counts.fill(0, this.#next);
      this.#next = 0;
    }
    this.#bytes.set(message.subarray(0, count * VERDICT_SIZE), this.#next * VERDICT_SIZE);
    this.#counts.fill(0, this.#next, this.#next + count);
    this.#counts[this.#next] = count;
    this.#next += count;
  }

  /** The requests that left behind this one. They are given once. */
  takeBehind(request: Uint8Array): Uint8Array[] {
    const id = verdictId(request);
    const first = this.#counts.findIndex((count, index) =>
      count > 0 && this.#view.getUint32(index * VERDICT_SIZE + SENT.id, false) === id
    );
    if (first < 0) return [];
    const count = this.#counts[first]!;
    this.#counts[first] = 0;
    return Array.from({ length: count - 1 }, (_, index) => {
      const start = (first + 1 + index) * VERDICT_SIZE;
      return this.#bytes.slice(start, start + VERDICT_SIZE);
    });
  }
}

/** The id in a verdict message of ours; undefined for any other message. */
export function verdictId(request: Uint8Array): number | undefined {
  if (request.length < VERDICT_SIZE) return undefined;
  const view = new DataView(request.buffer);
  const verdict = view.getUint16(4, true) === QUEUE_MESSAGE.VERDICT;
  return verdict ? view.getUint32(SENT.id, false) : undefined;
}
