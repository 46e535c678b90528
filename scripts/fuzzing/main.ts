/** Starts a fuzzer a runtime, side by side, shows how far they are, and sums up. */
import process from "node:process";
import { type Options, readOptions } from "./options.ts";
import { endAll, fuzz } from "./process.ts";
import { counted, type Failure, type Report, type Row, table } from "./report.ts";

const options = ((): Options => {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nscripts/fuzz --help`);
    process.exit(2);
  }
})();

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  process.once(signal, () => {
    endAll();
    process.exit(status);
  });
}

const { seed, runtimes, only } = options;
const started = performance.now();
const progress = new Map(runtimes.map((name) => [name, { iterations: 0, failures: 0 }]));
const rows: (Row & { readonly runtime: string })[] = [];
const memory: string[] = [];
const failures: (Failure & { readonly runtime: string })[] = [];
let names: readonly string[] | undefined;
let shown = started;

function show(): void {
  const now = performance.now();
  if (now - shown < 2000) return;
  shown = now;
  const parts = [...progress].map(([name, { iterations, failures }]) =>
    `${name} ${counted(iterations)} iterations, ${counted(failures)} failures`
  );
  console.error(`${Math.round((now - started) / 1000)} s: ${parts.join("; ")}`);
}

function tellFailure(runtime: string, failure: Failure): void {
  const { target, kind, message, stack, words } = failure;
  failures.push({ ...failure, runtime });
  console.log(`FAILURE under ${runtime}, ${target}: ${kind}: ${message}`);
  if (stack !== "") console.log(`  ${stack}`);
  console.log(`  scripts/fuzz --runtime ${runtime} ${words}`);
}

function hear(runtime: string, report: Report): void {
  if (report.type === "names") names = report.names;
  else if (report.type === "progress") {
    progress.set(runtime, report);
    show();
  } else if (report.type === "failure") tellFailure(runtime, report.failure);
  else if (report.type === "end") {
    rows.push(...report.rows.map((row) => ({ ...row, runtime })));
    if (report.memory.length === 0) return;
    const [first = 0, last = 0] = [report.memory[0], report.memory.at(-1)]
      .map((bytes) => Math.round((bytes ?? 0) / 1024));
    memory.push(
      `${runtime} ${counted(first)} KiB after the first round, ${counted(last)} KiB at the end`,
    );
  }
}

const base = ["--seed", String(seed), "--targets", options.targets];
const words = [...base, ...only.flatMap((name) => ["--only", name])];
if (options.list) words.push("--list");
if (options.seconds !== Infinity) words.push("--seconds", String(options.seconds));
if (options.count !== Infinity) {
  words.push("--count", String(Math.ceil(options.count / runtimes.length)));
}
if (options.input !== undefined) words.push("--input", options.input);
if (options.operations !== "") words.push("--operations", options.operations);

if (!options.list) console.log(`seed ${seed}`);
const asked = options.list ? runtimes.slice(0, 1) : runtimes;
await Promise.all(
  asked.map((runtime) => fuzz(runtime, { words, base }, (report) => hear(runtime, report))),
);

if (names !== undefined) {
  if (options.list) console.log(names.join("\n"));
  else console.error(`no target ${only.join(", ")}: scripts/fuzz --list`);
  process.exit(options.list ? 0 : 2);
}
const total = (field: "iterations" | "failures") => rows.reduce((sum, row) => sum + row[field], 0);
console.log(`\n${table(rows)}\n`);
if (memory.length > 0) console.log(`memory in use: ${memory.join("; ")}`);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
// A process that died has no rows.
const failed = Math.max(total("failures"), failures.length);
console.log(
  `${counted(total("iterations"))} iterations, ${counted(failed)} failures, ${seconds} s`,
);
process.exitCode = failed > 0 ? 1 : 0;
