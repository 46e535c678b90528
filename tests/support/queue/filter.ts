/**
 * A queue at work in the background of a test.
 *
 * @module
 */

import type { Handler, PacketQueue } from "../../../mod.ts";
import { within } from "../runtime/waiting.ts";

/** `queue.run(handler)` until disposed; what it throws reaches the test when it is stopped. */
export class Filter implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;
  #asked = false;

  constructor(queue: PacketQueue, handler: Handler) {
    this.#done = queue.run(handler, { signal: this.#controller.signal });
    this.#done.catch(() => {});
  }

  /** The end of the run, as the caller of `run` sees it. */
  get done(): Promise<void> {
    this.#asked = true;
    return this.#done;
  }

  /** Aborts and waits for the end. */
  async stop(): Promise<void> {
    this.#controller.abort();
    await within(this.#done, { what: "run() to end after its abort" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    // A test that looked at `done` has dealt with its error.
    if (this.#asked) await within(this.#done.catch(() => {}), { what: "run() to end" });
    else await this.stop();
  }
}
