/** The fuzzer of the runtime that runs this. scripts/fuzzing/main.ts reads what it writes. */
// First: it changes what the others throw.
import "./own_errors.ts";
import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { Fuzzer, inputsOf } from "./fuzzer.ts";
import { Judge } from "./judge.ts";
import { readOptions } from "./options.ts";
import type { Report } from "./report.ts";
import type { Target } from "./target.ts";
import { inputOf, wordsOf } from "./words.ts";

const options = readOptions(process.argv.slice(2));

/** At once: what is told last is what is known of a process that dies. */
function tell(report: Report): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

const { TARGETS } = await import(options.targets) as { readonly TARGETS: readonly Target[] };
const { seed } = options;
const chosen = options.only.length === 0
  ? TARGETS
  : TARGETS.filter(({ name }) => options.only.includes(name));
const [only] = chosen;

function single(target: Target, hex: string): void {
  const input = inputOf(target, hex, options.operations);
  const problem = new Judge().judge(target, input);
  if (problem !== undefined) {
    const words = wordsOf(target, input, seed);
    tell({ type: "failure", failure: { target: target.name, ...problem, words } });
  }
  const failures = problem === undefined ? 0 : 1;
  const row = { target: target.name, iterations: 1, failures, seconds: 0 };
  tell({ type: "end", rows: [row], memory: [] });
}

/** Writes each input down before it is run: the last one is what the process died of. */
function traced(target: Target, block: number, file: string): void {
  const judge = new Judge();
  const trace = openSync(file, "a");
  for (const input of inputsOf(target, seed, block)) {
    writeSync(trace, `${wordsOf(target, input, seed)}\n`);
    judge.judge(target, input);
  }
}

if (options.list) tell({ type: "names", names: TARGETS.map(({ name }) => name) });
else if (only === undefined) tell({ type: "names", names: [] });
else if (options.input !== undefined) single(only, options.input);
else if (options.trace !== undefined) traced(only, options.block ?? 0, options.trace);
else new Fuzzer(chosen, options, tell).run();
