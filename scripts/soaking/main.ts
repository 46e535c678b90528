/** Plays phases until the time is over, and prints what became of all packets. */
import { release } from "node:os";
import process from "node:process";
import { within } from "../../tests/support/runtime/waiting.ts";
import { Consumer, type Runtime } from "./consumer_process.ts";
import { type Fault, FAULTS } from "./faults.ts";
import { MemoryWatch } from "./memory.ts";
import { options } from "./options.ts";
import { type Way, WAYS } from "./order.ts";
import { type Outcome, Phase } from "./phase.ts";
import { Random } from "./random.ts";
import { memoryTable, Rows } from "./report.ts";
import { addSums } from "./sums.ts";

/** Nothing in a phase takes longer (ms). */
const LONGEST_PHASE = 90_000;

const rows = new Rows();
const watches = new Map<string, MemoryWatch>();
let number = 0;
let interrupted = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // The first ends it after this phase, with the tables; the second at once. Its namespaces end with it.
  process.on(signal, () => interrupted++ ? process.exit(130) : undefined);
}

/** What can be had here and was asked for. */
const faults = FAULTS.filter(({ name, impossible }) => {
  if (!options.fault.includes(name)) return false;
  const reason = impossible?.();
  if (reason !== undefined) console.log(`Left out: ${name} (${reason})\n`);
  return reason === undefined;
});

/** Every fault in one way, then every fault in its next way: none waits long for its turn. */
function* schedule(random: Random): Generator<readonly [Fault, Way]> {
  const turns = faults.map((fault) => {
    const ways = (fault.ways ?? WAYS).filter((way) => options.way.includes(way));
    return [fault, random.shuffled(ways)] as const;
  }).filter(([, ways]) => ways.length > 0);
  for (let round = 0; turns.length > 0; round++) {
    for (const [fault, ways] of random.shuffled(turns)) yield [fault, ways[round % ways.length]!];
  }
}

function note(fault: Fault, way: Way, consumer: Consumer, outcome: Outcome): void {
  const { sums, gaps, failures, notes } = outcome;
  const row = rows.row(fault.name, way);
  const wrong = [...failures];
  if (sums.unaccounted > 0) {
    wrong.push(`${gaps.uncounted} in no counter, ${gaps.missing} counted but not arrived`);
  }
  if (sums.duplicates > 0) wrong.push(`${sums.duplicates} came twice`);
  const title = `${consumer.runtime}, ${fault.name}, ${way}`;
  console.error(`${title}: ${sums.sent} sent${wrong.length ? `: ${wrong.join("; ")}` : ""}`);
  if (wrong.length > 0) {
    row.failed++;
    console.error(notes.map((line) => `  ${line}`).join("\n"));
  }
}

/** One runtime for so many milliseconds, and one phase at least. */
async function soak(runtime: Runtime, time: number): Promise<void> {
  const random = new Random(options.seed);
  const watch = new MemoryWatch();
  watches.set(runtime, watch);
  let lasting = await Consumer.start(runtime);
  watch.add(await lasting.memory());
  const end = performance.now() + time;
  for (const [fault, way] of schedule(random)) {
    const row = rows.row(fault.name, way);
    row.phases++;
    const consumer = fault.ownConsumer ? await Consumer.start(runtime) : lasting;
    const phase = new Phase({ fault, way, number: ++number, random, consumer });
    try {
      const outcome = await within(phase.play(), { what: fault.name, timeout: LONGEST_PHASE });
      addSums(row.sums, outcome.sums);
      note(fault, way, consumer, outcome);
      const { consumer: left } = outcome;
      if (!left.over) row.memory[runtime] = await left.memory();
      if (left === lasting) watch.add(row.memory[runtime]!);
    } catch (error) {
      row.failed++;
      console.error(`${runtime}, ${fault.name}, ${way}: ${describe(error)}`);
      if (phase.consumer.over) console.error(`  the consumer died: ${phase.consumer.words}`);
      if (consumer === lasting) {
        await lasting[Symbol.asyncDispose]();
        lasting = await Consumer.start(runtime);
      }
    } finally {
      if (phase.consumer !== lasting) await phase.consumer[Symbol.asyncDispose]();
    }
    if (performance.now() >= end || interrupted > 0) break;
  }
  await lasting[Symbol.asyncDispose]();
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

const share = options.seconds * 1000 / options.runtime.length;
const begin = performance.now();
for (const runtime of options.runtime) {
  if (interrupted === 0) await soak(runtime as Runtime, share);
}
const took = ((performance.now() - begin) / 1000).toFixed();
const user = options.user ? "an ordinary user with CAP_NET_ADMIN" : "root";
console.log(
  `Linux ${release()}; ${took} s; seed ${options.seed}; as ${user}. Numbers of packets.\n`,
);
console.log(`${rows.toString(faults.map(({ name }) => name), WAYS)}\n`);
console.log(`Resident memory in MiB:\n\n${memoryTable(watches)}\n`);
const grew = [...watches.values()].some((watch) => watch.grew);
process.exit(rows.failed > 0 || grew || interrupted > 0 ? 1 : 0);
