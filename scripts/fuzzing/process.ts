/** The fuzzer of one runtime as a process: started, read, and watched. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Failure, Report } from "./report.ts";

/** Silence for so long is an input without an end, in milliseconds. A block takes less than a second. */
const PATIENCE = 30_000;

const child = fileURLToPath(new URL("child.ts", import.meta.url));

/** Processes that are running, to be ended with this one. */
const running = new Set<ChildProcess>();

/** Ends what is running. */
export function endAll(): void {
  for (const process of running) process.kill("SIGKILL");
}

function commandOf(runtime: string): string[] {
  const [name, flags] = runtime === "bun"
    ? ["BUN", []] as const
    : ["DENO", ["run", "--quiet", "--no-check", "--allow-all", "--v8-flags=--expose-gc"]] as const;
  const path = process.env[name];
  if (!path) throw new Error(`${name} is not set: run scripts/fuzz`);
  return [path, ...flags];
}

interface End {
  readonly cause: string | undefined;
  readonly last: Extract<Report, { type: "block" }> | undefined;
}

/** Runs one to its end; `hear` gets what it tells. */
async function attend(
  runtime: string,
  { words, patience }: { readonly words: readonly string[]; readonly patience: number },
  hear: (report: Report) => void,
): Promise<End> {
  const [program = "", ...rest] = [...commandOf(runtime), child, ...words];
  const started = spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
  running.add(started);
  let last: End["last"];
  let silent = false;
  const watch = () =>
    setTimeout(() => {
      silent = true;
      started.kill("SIGKILL");
    }, patience);
  let alarm = watch();
  createInterface({ input: started.stdout }).on("line", (line) => {
    clearTimeout(alarm);
    alarm = watch();
    const report = JSON.parse(line) as Report;
    if (report.type === "block") last = report;
    else hear(report);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    started.once("error", reject);
    started.once("close", (code, signal) => resolve([code, signal]));
  });
  clearTimeout(alarm);
  running.delete(started);
  const seconds = patience / 1000;
  if (silent) return { cause: `nothing came for ${seconds} s: an input that does not end`, last };
  if (code === 0) return { cause: undefined, last };
  return { cause: signal === null ? `exit status ${code}` : `killed by ${signal}`, last };
}

/** The input that a process dies of, from a second run that writes each down first. */
async function traceOf(
  runtime: string,
  { base, patience }: { readonly base: readonly string[]; readonly patience: number },
  last: NonNullable<End["last"]>,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  try {
    const file = join(folder, "trace");
    const traced = ["--only", last.target, "--block", String(last.block), "--trace", file];
    const words = [...base, ...traced];
    const { cause } = await attend(runtime, { words, patience }, () => {});
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    return cause === undefined ? `--only ${last.target} (block ${last.block})` : lines.at(-1)!;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Fuzzes under one runtime.
 *
 * @param words what the child is told, the seed among it
 * @param base the words that a second run of a block needs: seed and targets
 * @param patience how long a silence may be, in milliseconds
 */
export async function fuzz(
  runtime: string,
  { words, base, patience = PATIENCE }: {
    readonly words: readonly string[];
    readonly base: readonly string[];
    readonly patience?: number;
  },
  hear: (report: Report) => void,
): Promise<void> {
  const { cause, last } = await attend(runtime, { words, patience }, hear);
  if (cause === undefined) return;
  const repeat = last === undefined ? "" : await traceOf(runtime, { base, patience }, last);
  const failure: Failure = {
    target: last?.target ?? "",
    ...{ kind: "crash", message: cause, stack: "", words: repeat },
  };
  hear({ type: "failure", failure });
}
