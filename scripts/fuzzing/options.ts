/** The words after scripts/fuzz. */
import { parseArgs } from "node:util";

/** What is asked for. */
export interface Options {
  /** Infinity without a time. */
  readonly seconds: number;
  /** Infinity without a count. */
  readonly count: number;
  readonly seed: number;
  readonly runtimes: readonly string[];
  /** Targets; empty: all. */
  readonly only: readonly string[];
  readonly list: boolean;
  /** Hex or `@FILE`, and names of operations. */
  readonly input: string | undefined;
  readonly operations: string;
  /** For the parts of the fuzzer: which file has the targets. */
  readonly targets: string;
  /** A block of one target alone, whose inputs are written to a file before they are run. */
  readonly block: number | undefined;
  readonly trace: string | undefined;
}

const SECONDS = 30;
const RUNTIMES = ["deno", "bun"];

function numberOf(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^[0-9.]+$/.test(text) && value >= 0 && value <= most) return value;
  throw new RangeError(`--${name} ${text}: a number from 0 to ${most}`);
}

/** @throws {TypeError | RangeError} for words that mean nothing. */
export function readOptions(words: readonly string[]): Options {
  const text = { type: "string" } as const;
  const several = { type: "string", multiple: true } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...{ seconds: text, count: text, seed: text, input: text, operations: text },
      ...{ runtime: several, only: several, list: { type: "boolean", default: false } },
      ...{ targets: text, block: text, trace: text },
    },
  });
  const count = numberOf("count", values.count, Number.MAX_SAFE_INTEGER);
  const seconds = numberOf("seconds", values.seconds, 1e7);
  const { runtime = RUNTIMES } = values;
  const unknown = runtime.find((name) => !RUNTIMES.includes(name));
  if (unknown !== undefined) throw new TypeError(`--runtime ${unknown}: deno or bun`);
  if (values.input !== undefined && !/^(@.+|([0-9a-f]{2})*)$/i.test(values.input)) {
    throw new TypeError("--input takes bytes as hex, or @FILE");
  }
  return {
    seconds: seconds ?? (count === undefined ? SECONDS : Infinity),
    count: count ?? Infinity,
    seed: numberOf("seed", values.seed, 0xffffffff) ?? Math.floor(Math.random() * 0x100000000),
    runtimes: runtime,
    only: values.only ?? [],
    list: values.list,
    input: values.input,
    operations: values.operations ?? "",
    targets: values.targets ?? new URL("targets/mod.ts", import.meta.url).href,
    block: numberOf("block", values.block, Number.MAX_SAFE_INTEGER),
    trace: values.trace,
  };
}
