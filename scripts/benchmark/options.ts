/** What scripts/bench was asked for. */
import process from "node:process";
import { parseArgs } from "node:util";

/** PacketQueue and libipq(3) in the modes of consumer.ts. */
export const MODES: Record<string, string> = {
  runSync: "runSync",
  runSyncReading: "runSync, handler reads the UDP port",
  runSyncPayload: "runSync, handler reads the payload",
  runSyncFlow: "runSync, handler reads the five-tuple",
  runSyncFlowMap: "runSync, handler counts flows in a Map",
  run: "run",
  runAsync: "run, async handler",
  forAwait: "for await",
  ipqFunctions: "libipq functions over nfqueue",
  ipqClass: "libipq class over nfqueue",
};

const CHOICES = {
  only: ["throughput", "bulk", "streams", "ping", "views"],
  runtime: ["deno", "bun", "node"],
  mode: Object.keys(MODES),
  verdict: ["accept", "drop", "rewrite"],
};

function parseOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: CHOICES.only },
      runtime: { type: "string", multiple: true, default: ["deno", "bun"] },
      mode: { type: "string", multiple: true, default: CHOICES.mode },
      "copy-range": { type: "string", multiple: true, default: ["128", "65531"] },
      verdict: { type: "string", multiple: true, default: CHOICES.verdict },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "warm-up": { type: "string", default: "50000" },
      segments: { type: "boolean", default: false },
      beside: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  for (const name of ["only", "runtime", "mode", "verdict"] as const) {
    const wrong = values[name].find((value) => !CHOICES[name].includes(value));
    if (wrong !== undefined) throw new TypeError(`--${name} ${wrong}: ${CHOICES[name].join(", ")}`);
  }
  const { rounds = values.quick ? 2 : 5, seconds = values.quick ? 1 : 1.5 } = values;
  const within = (name: string, value: string | number, least: number, most: number): number => {
    if (Number(value) >= least && Number(value) <= most) return Number(value);
    throw new RangeError(`--${name} ${value}: between ${least} and ${most}`);
  };
  // A packet captured in part cannot be rewritten.
  const least = values.verdict.includes("rewrite") ? 92 : 64;
  values["copy-range"].forEach((range) => within("copy-range", range, least, 65531));
  within("warm-up", values["warm-up"], 0, 500_000);
  return {
    ...values,
    rounds: within("rounds", rounds, 1, 1000),
    seconds: within("seconds", seconds, 0.1, 30),
  };
}

export const options: ReturnType<typeof parseOptions> = (() => {
  try {
    return parseOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nscripts/bench --help`);
    process.exit(2);
  }
})();
export const { rounds, seconds } = options;

/** A variable that scripts/bench sets. */
export function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/bench`);
  return value;
}

/** Markdown for people; with --json there is none. */
export function print(title: string, text: string): void {
  if (!options.json) console.log(`### ${title}\n\n${text}\n`);
}
