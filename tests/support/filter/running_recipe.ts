/**
 * Recipes of the cookbook at work on real packets, with their own rules, as `runFilter` runs them.
 *
 * @module
 */

import { FilterHost } from "../../../src/filter/host.ts";
import { installRules } from "../../../src/filter/system_rules.ts";
import { within } from "../runtime/waiting.ts";
import { recipe } from "./recipes.ts";

/** A recipe whose rules stand, until it is disposed. */
export class RunningRecipe implements AsyncDisposable {
  readonly #host: FilterHost;
  /** What it said of failures. */
  readonly failures: readonly string[];

  private constructor(host: FilterHost, failures: readonly string[]) {
    this.#host = host;
    this.failures = failures;
  }

  /** Resolves when its rules are installed. */
  static async start(name: string): Promise<RunningRecipe> {
    const failures: string[] = [];
    const log = (message: string) => void failures.push(message);
    const host = await FilterHost.start(await recipe(name), { installRules, log });
    return new RunningRecipe(host, failures);
  }

  /** Counters of its queues in sum. */
  get statistics(): FilterHost["statistics"] {
    return this.#host.statistics;
  }

  /** Ends it: rules go, what waits is decided. */
  async stop(): Promise<void> {
    await within(this.#host.stop(), { what: "a recipe to end" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
