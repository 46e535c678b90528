/**
 * The programs of examples/, in this process, on a kernel for tests.
 *
 * @module
 */

import process from "node:process";
import { PacketQueue } from "../../../mod.ts";
import { type TestKernel, testKernel } from "../../../src/testing/mod.ts";
import { freshModule } from "../runtime/fresh_module.ts";
import { deferred, within } from "../runtime/waiting.ts";
import { Lines } from "./recipes.ts";

/**
 * An example that reads its queue. While it starts, `PacketQueue.open` opens the queues of the test's
 * kernel, and the words are those of the command line. What it prints is kept.
 */
export class ExampleInKit implements AsyncDisposable {
  readonly kernel: TestKernel;
  readonly queue: PacketQueue;
  readonly #lines: Lines;
  /** The evaluation of its module: it ends with its queue. */
  readonly #running: Promise<unknown>;

  private constructor(
    kernel: TestKernel,
    queue: PacketQueue,
    { lines, running }: { readonly lines: Lines; readonly running: Promise<unknown> },
  ) {
    this.kernel = kernel;
    this.queue = queue;
    this.#lines = lines;
    this.#running = running;
  }

  /** Begins it, and waits until it has opened its queue. */
  static async start(name: string, ...words: readonly string[]): Promise<ExampleInKit> {
    const kernel = testKernel();
    const opened = deferred<PacketQueue>();
    const open = PacketQueue.open;
    const { argv } = process;
    const given = [...argv];
    const lines = new Lines();
    try {
      PacketQueue.open = (number, options) => {
        const queue = kernel.open(number, options);
        opened.resolve(queue);
        return queue;
      };
      argv.splice(2, Infinity, ...words);
      const running = freshModule(new URL(`../../../examples/${name}.ts`, import.meta.url));
      // Whoever ends it hears of an error then.
      running.catch(opened.reject);
      const queue = await within(opened.promise, { what: `examples/${name}.ts` });
      return new ExampleInKit(kernel, queue, { lines, running });
    } catch (error) {
      lines[Symbol.dispose]();
      throw error;
    } finally {
      PacketQueue.open = open;
      argv.splice(0, Infinity, ...given);
    }
  }

  /** What it has printed so far. */
  get lines(): readonly string[] {
    return this.#lines.all;
  }

  /** Closes its queue, and waits until it has come to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kernel.close();
    try {
      await within(this.#running, { what: "the end of the example" });
    } finally {
      this.#lines[Symbol.dispose]();
    }
  }
}
