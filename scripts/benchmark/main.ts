/** Runs every program in turn, round after round, so that all see the same noise, and prints tables. */
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Child } from "./child.ts";
import { median, ratios, type Samples, spread, table } from "./report.ts";

/** What scripts/benchmark/inside set up. */
const QUEUES = { throughput: "1", ping: "2", bulk: "3" } as const;

type Command = readonly [string, ...string[]];
interface Program {
  readonly name: string;
  /** Takes the options of consumer.h; none: the packets pass without a queue. */
  readonly command?: Command;
}

const modes: Record<string, string> = {
  runSync: "runSync",
  runSyncReading: "runSync, handler reads the UDP port",
  run: "run",
  runAsync: "run, async handler",
  forAwait: "for await",
  ipqFunctions: "libipq functions over nfqueue",
  ipqClass: "libipq class over nfqueue",
};

const CHOICES = {
  only: ["throughput", "bulk", "ping"],
  runtime: ["deno", "bun"],
  mode: Object.keys(modes),
  verdict: ["accept", "drop"],
};

function parseOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: CHOICES.only },
      runtime: { type: "string", multiple: true, default: CHOICES.runtime },
      mode: { type: "string", multiple: true, default: CHOICES.mode },
      "copy-range": { type: "string", multiple: true, default: ["128", "65531"] },
      verdict: { type: "string", multiple: true, default: CHOICES.verdict },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "warm-up": { type: "string", default: "50000" },
      single: { type: "boolean", default: false },
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
  values["copy-range"].forEach((range) => within("copy-range", range, 64, 65531));
  within("warm-up", values["warm-up"], 0, 500_000);
  return {
    ...values,
    rounds: within("rounds", rounds, 1, 1000),
    seconds: within("seconds", seconds, 0.1, 30),
  };
}

const options = (() => {
  try {
    return parseOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nscripts/bench --help`);
    process.exit(2);
  }
})();
const { rounds, seconds } = options;

const environment = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/bench`);
  return value;
};
const c = (name: string) => `${environment("PROGRAMS")}/${name}`;
const consumer = fileURLToPath(new URL("consumer.ts", import.meta.url));
const runtimes: Record<string, { name: string; command: Command }> = {
  deno: {
    name: "Deno",
    command: [environment("DENO"), "run", "--allow-ffi", "--no-prompt", consumer],
  },
  bun: { name: "Bun", command: [environment("BUN"), consumer] },
};
/** PacketQueue in each of these modes, as far as --mode and --runtime allow. */
function ours(...names: string[]): Program[] {
  return names.filter((mode) => options.mode.includes(mode)).flatMap((mode) =>
    Object.entries(runtimes).filter(([key]) => options.runtime.includes(key)).map(
      ([, { name, command }]): Program => ({
        name: `${name} ${modes[mode]}`,
        command: [...command, "-m", mode],
      }),
    )
  );
}

const callback: Program = { name: "C, the library's callback", command: [c("callback")] };
const byHand: Program = { name: "C by hand, a verdict a packet", command: [c("handwritten")] };
const batched: Program = {
  name: "C by hand, a batch verdict a receive",
  command: [c("handwritten"), "-b"],
};

/** Two cores that this process may use: the consumer's and the sender's. */
const [consumerCore, senderCore] = (() => {
  const list =
    /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const cores = list.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  });
  return [cores[0] ?? "0", cores[1] ?? cores[0] ?? "0"];
})();
const pinned = (core: string, command: Command): Command => ["taskset", "-c", core, ...command];

/** Samples of every program by name, measured in turn. */
async function inTurn<T>(
  title: string,
  programs: readonly Program[],
  measure: (program: Program) => Promise<T>,
  show: (result: T) => string,
): Promise<Map<string, T[]>> {
  const samples = new Map<string, T[]>(programs.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const program of programs) {
      const result = await measure(program);
      samples.get(program.name)?.push(result);
      console.error(`${title}, round ${round} of ${rounds}: ${program.name}: ${show(result)}`);
    }
  }
  return samples;
}

/** How many accepted datagrams reached the rule behind the queue since the last call. */
async function arrived(): Promise<number> {
  const list = await new Child(["iptables", "-t", "raw", "-Z", "-vxnL", "PREROUTING"]).output();
  return Number(/^\s*(\d+).*dpt:9999/m.exec(list)?.[1]);
}

/**
 * A larger share of the consumer's core for others makes a run worthless. The kernel's own thread for
 * what was accepted counts as one of them and takes up to a quarter.
 */
const DISTURBED = 0.3;

interface Throughput {
  readonly packets: number;
  readonly seconds: number;
  readonly cpuNs: number;
}

/** Seconds that a core has worked since boot, whoever for. */
function worked(core: string): number {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(readFileSync("/proc/stat", "utf8"))?.[1];
  const [user = 0, nice = 0, system = 0, _idle, _wait, irq = 0, soft = 0, steal = 0] =
    line?.split(" ").map(Number) ?? [];
  return (user + nice + system + irq + soft + steal) / 100;
}

/** One run, and the share of the consumer's core that others took meanwhile. */
async function throughputRun(command: Command, verdict: string): Promise<[Throughput, number]> {
  await arrived();
  await using queue = new Child(pinned(consumerCore, command));
  await queue.line();
  const limits = ["-s", String(seconds + 10), ...(options.single ? ["-1"] : [])];
  await using _sender = new Child(pinned(senderCore, [c("sender"), ...limits]));
  const start = { time: performance.now(), worked: worked(consumerCore) };
  const result: Throughput = JSON.parse(await queue.line());
  const busy = (worked(consumerCore) - start.worked) / (performance.now() - start.time) * 1000;
  await queue.end(); // under load: a blocking loop would wait for its last packets for ever
  // A consumer that counts verdicts which the kernel never got would look fast.
  const accepted = await arrived();
  if (verdict === "drop" ? accepted !== 0 : accepted < result.packets) {
    throw new Error(`${command.join(" ")} decided ${result.packets}, but ${accepted} arrived`);
  }
  return [result, busy - result.cpuNs / 1e9 / result.seconds];
}

let disturbed = 0;

/** A run that had its core to itself, or the least disturbed of some. */
async function measureThroughput(command: Command, verdict: string): Promise<Throughput> {
  let best = await throughputRun(command, verdict);
  for (let tries = 1; best[1] > DISTURBED && tries < 4; tries++) {
    console.error(`Others took ${(best[1] * 100).toFixed()} % of core ${consumerCore}: once more.`);
    await delay(1000);
    const next = await throughputRun(command, verdict);
    if (next[1] < best[1]) best = next;
  }
  if (best[1] > DISTURBED) disturbed++;
  return best[0];
}

async function throughput() {
  const programs = [callback, byHand, batched, ...ours(...Object.keys(modes))];
  const all: Record<string, unknown>[] = [];
  for (const range of options["copy-range"]) {
    for (const verdict of options.verdict) {
      const title = `${verdict}, copy range ${range}`;
      const samples = await inTurn(
        title,
        programs,
        ({ command = ["true"] }) =>
          measureThroughput([
            ...command,
            ...["-q", QUEUES.throughput, "-r", range, "-v", verdict, "-s", String(seconds)],
          ], verdict),
        ({ packets, seconds }) => `${(packets / seconds / 1000).toFixed()} kpps`,
      );
      const rates = ({ name }: Program) =>
        (samples.get(name) ?? []).map((s) => s.packets / s.seconds / 1000);
      const rows = programs.map((program) => {
        const own = samples.get(program.name) ?? [];
        return [
          program.name,
          spread(rates(program)),
          median(own.map((s) => s.cpuNs / s.packets)).toFixed(),
          `${median(own.map((s) => s.cpuNs / s.seconds / 1e7)).toFixed()} %`,
          ...[callback, byHand, batched].map((base) =>
            spread(ratios(rates(program), rates(base)), 2)
          ),
        ];
      });
      const head = [
        "consumer",
        "kpps",
        "CPU ns a packet",
        "busy",
        "× callback",
        "× by hand",
        "× by hand, batch",
      ];
      print(`64-byte UDP, ${title}`, table(head, rows));
      if (disturbed > 0 && !options.json) {
        console.log(`Other programs used the consumer's core in ${disturbed} of these runs.\n`);
      }
      disturbed = 0;
      for (const [program, runs] of samples) all.push({ range, verdict, program, runs });
    }
  }
  return all;
}

/** Measures while a program decides what a chain sends to its queue, or while nothing is queued. */
async function beside(
  program: Program,
  { queue, chain }: { queue: string; chain: string },
  measure: () => Promise<number[]>,
): Promise<number[]> {
  if (!program.command) {
    const pass: Command = ["iptables", "-I", chain, "-j", "ACCEPT"];
    await new Child(pass).output();
    const result = await measure();
    await new Child(["iptables", "-D", ...pass.slice(2)]).output();
    return result;
  }
  const command: Command = [...program.command, "-q", queue, "-s", String(seconds + 30)];
  await using child = new Child(pinned(consumerCore, command));
  await child.line();
  return await Promise.race([measure(), child.unexpectedEnd()]);
}

async function bulk() {
  const listen = "exec nsenter --net=/run/netns/server iperf3 -s --forceflush 2>&1";
  const client: Command = ["nsenter", "--net=/run/netns/client", "iperf3", "-c", "10.0.2.2", "-J"];
  const withGso: Program = { name: "C, callback, GSO flag", command: [c("callback"), "-g"] };
  const programs: Program[] = [
    { name: "no queue" },
    { name: "C, callback, without the GSO flag", command: [c("callback")] },
    withGso,
    { name: "C by hand, GSO flag", command: [c("handwritten"), "-g"] },
    ...ours("runSync", "run", "forAwait").map(({ name, command = ["true"] }): Program => ({
      name,
      command: [...command, "-g"],
    })),
  ];
  const time = String(Math.max(1, Math.round(seconds)));
  const samples = await inTurn(
    "TCP bulk",
    programs,
    (program) =>
      beside(program, { queue: QUEUES.bulk, chain: "FORWARD" }, async () => {
        await using server = new Child(["sh", "-c", listen]);
        while (!(await server.line()).includes("listening"));
        const report = JSON.parse(await new Child([...client, "-t", time]).output());
        return [Number(report.end.sum_received.bits_per_second) / 1e9];
      }),
    ([rate = NaN]) => `${rate.toFixed(2)} Gbit/s`,
  );
  const rates = (name: string): Samples => (samples.get(name) ?? []).map(([rate = NaN]) => rate);
  const rows = programs.map(({ name }) => [
    name,
    spread(rates(name), 2),
    ...["no queue", withGso.name].map((base) => spread(ratios(rates(name), rates(base)), 2)),
  ]);
  print(
    "One TCP stream, forwarded",
    table(["consumer", "Gbit/s", "× no queue", "× C with GSO"], rows),
  );
  return Object.fromEntries(samples);
}

async function ping() {
  const programs: Program[] = [
    { name: "no queue" },
    callback,
    ...ours("runSync", "run", "forAwait"),
  ];
  const count = String(options.quick ? 1000 : 2000);
  // On one core: between two, the wake-up of an idle virtual core is most of what one would see.
  const pinger = pinned(consumerCore, [c("pinger"), "-n", count, "-w", options["warm-up"]]);
  const samples = await inTurn(
    "ping",
    programs,
    (program) =>
      beside(program, { queue: QUEUES.ping, chain: "OUTPUT" }, async () => {
        const { p50, p99, lost } = JSON.parse(await new Child(pinger).output());
        if (lost) throw new Error(`${lost} pings lost with ${program.name}`);
        return [Number(p50), Number(p99)];
      }),
    ([p50, p99]) => `${p50} µs, p99 ${p99} µs`,
  );
  const times = (name: string, i: number): Samples =>
    (samples.get(name) ?? []).map((s) => s[i] ?? NaN);
  const rows = programs.map(({ name }) => [
    name,
    spread(times(name, 0), 1),
    spread(times(name, 1), 1),
    spread(ratios(times(name, 0), times(callback.name, 0)), 2),
  ]);
  print(
    `Round trip of a ping, after ${options["warm-up"]} others`,
    table(["consumer", "p50 µs", "p99 µs", "p50, × callback"], rows),
  );
  return Object.fromEntries(samples);
}

function print(title: string, text: string): void {
  if (!options.json) console.log(`### ${title}\n\n${text}\n`);
}

const version = async (command: Command) =>
  (await new Child(command).output()).split("\n")[0] ?? "";
const versions = [
  `Linux ${release()}`,
  `${cpus().length} cores, ${cpus()[0]?.model}`,
  (await version([environment("DENO"), "--version"])).replace(/^deno (\S+).*/, "Deno $1"),
  `Bun ${await version([environment("BUN"), "--version"])}`,
];
if (!options.json) {
  console.log(`${versions.join("; ")}. Medians of ${rounds} rounds (least–most).\n`);
}

const benchmarks: Record<string, () => Promise<unknown>> = { throughput, bulk, ping };
const results: Record<string, unknown> = { versions, rounds, seconds };
for (const name of options.only) results[name] = await benchmarks[name]?.();
if (options.json) console.log(JSON.stringify(results, undefined, 1));
