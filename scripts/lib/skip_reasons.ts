/**
 * Stands in for `node:test` while scripts/test runs the suite, because Deno's and Bun's reports
 * do not say why a test was skipped: a reason given as `{ skip: "reason" }` is appended to the file
 * NFQUEUE_SKIPS as a JSON line `[name, reason]`. Everything else passes through.
 * Deno gets it through an import map, Bun through `--preload`.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import * as real from "node:test";
import process from "node:process";

type Register = (...parameters: unknown[]) => unknown;

const file = process.env["NFQUEUE_SKIPS"];
// Taken now: under Bun the module's names are about to be replaced by ours.
const originals = { ...real };

function noting<T>(register: T): T {
  const noted: Register = (...parameters) => {
    const [name] = parameters;
    for (const options of parameters) {
      const skip = typeof options === "object" && options !== null && "skip" in options &&
        options.skip;
      if (file && typeof skip === "string" && typeof name === "string") {
        appendFileSync(file, `${JSON.stringify([name, skip])}\n`);
      }
    }
    return (register as Register)(...parameters);
  };
  return Object.assign(noted, register) as T;
}

export const test: typeof real.test = noting(originals.test);
export const it: typeof real.it = noting(originals.it);
export const describe: typeof real.describe = noting(originals.describe);
export const suite: typeof real.suite = noting(originals.suite);
// Not `export *`, which the module's types do not allow.
export const { after, afterEach, before, beforeEach, mock } = real;

if ("Bun" in globalThis) {
  const { mock } = process.getBuiltinModule("bun:test" as "node:test") as unknown as {
    mock: { module(name: string, make: () => unknown): void };
  };
  mock.module("node:test", () => ({ ...originals, test, it, describe, suite, default: test }));
}
