/**
 * Shows filters of examples/ at work on real packets, and checks what the clients saw.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { EchoServer, WebServer } from "./clients.ts";
import { commandLine, Example, runtime } from "./example.ts";
import { type Family, iptables } from "./firewall.ts";
import { paint, paintLine, table } from "./paint.ts";
import { COMMON_RULE, PORTS, type Scene, scenes, type Trial } from "./scenes.ts";
import { WEB_PORT, WEB_TEXT } from "./scenes.ts";

/** How long a client waits (ms) for what must come, and for what must not. */
const PATIENCE = 5000;
const SILENCE = 800;

/** What one client saw, beside what it had to see. */
interface Outcome {
  readonly filter: string;
  readonly client: string;
  readonly told: string;
  readonly expected: string;
  readonly saw: string;
}

const NAMES = { deno: "Deno", bun: "Bun", node: "Node" } as const;
const families: readonly Family[] = existsSync("/proc/net/if_inet6") ? [4, 6] : [4];

try {
  process.exitCode = await demonstrate() ? 0 : 1;
} catch (error) {
  console.error(`The demo stopped: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

/** Plays every scene; tells whether every client saw what it had to see. */
async function demonstrate(): Promise<boolean> {
  if (process.env["NFQUEUE_ISOLATED"] !== "1") throw new Error("it is started by scripts/demo");
  const started = performance.now();
  const servers: Disposable[] = [];
  try {
    for (const family of families) {
      for (const port of PORTS) servers.push(await EchoServer.open({ family, port }));
      servers.push(await WebServer.open({ family, port: WEB_PORT }, WEB_TEXT));
      iptables(family, COMMON_RULE);
    }
    const all = scenes(families);
    const outcomes = await tryUnfiltered(all.flatMap((scene) => scene.trials));
    for (const [index, scene] of all.entries()) outcomes.push(...await play(scene, index + 1));
    return report(outcomes, (performance.now() - started) / 1000);
  } finally {
    for (const server of servers) server[Symbol.dispose]();
  }
}

/** Lets every client try while nothing filters: what differs later is then the filter's doing. */
async function tryUnfiltered(trials: readonly Trial[]): Promise<Outcome[]> {
  const filter = "none yet";
  const told = "nothing";
  const outcomes = await Promise.all(
    trials.map((trial) =>
      attempt({ ...trial, told }, { filter, expected: trial.unfiltered, patience: PATIENCE })
    ),
  );
  const wrong = outcomes.filter((outcome) => !agrees(outcome));
  if (wrong.length > 0) return wrong;
  const expected = "reach their servers, no marks";
  return [{ filter, client: `all ${trials.length} clients below`, told, expected, saw: expected }];
}

/** Starts the scene's filter, sends it packets, and lets all its clients try. */
async function play(scene: Scene, queue: number): Promise<Outcome[]> {
  const { example: filter, words = [], rules, filterRules, trials, speaks = false } = scene;
  const own = filterRules === undefined ? {} : { filterRules };
  const options = { name: filter, queue, words, traced: !speaks, ...own };
  console.log(`\n${paint("bold", filter)}: ${purposeOf(filter)}`);
  showCommand(commandLine(options));
  await using example = await Example.start({
    ...options,
    onLine: (line) => console.log(`  ${paintLine(line)}`),
  });
  for (const family of families) {
    for (const rule of rules?.(family) ?? []) {
      const whole = `${rule} -j NFQUEUE --queue-num ${queue}`;
      iptables(family, whole);
      showCommand(`${family === 4 ? "iptables" : "ip6tables"} ${whole}`);
    }
  }
  const outcomes = await Promise.all(trials.map((trial) => {
    const patience = trial.told === "drop" ? SILENCE : PATIENCE;
    return attempt(trial, { filter, expected: trial.filtered, patience });
  }));
  const saw = await example.interrupt();
  // `nfqueue run` removes its rules first.
  const expected = filterRules === undefined ? "SIGINT" : "status 130";
  const end: Outcome = { filter, client: "Ctrl-C", told: "end", expected, saw };
  return agrees(end) ? outcomes : [...outcomes, end];
}

async function attempt(
  { client, told, observe }: Trial,
  { filter, expected, patience }: { filter: string; expected: string; patience: number },
): Promise<Outcome> {
  return { filter, client, told, expected, saw: await observe(patience) };
}

/** The sentence that the example's own comment begins with. */
function purposeOf(example: string): string {
  const source = readFileSync(new URL(`../../examples/${example}.ts`, import.meta.url), "utf8");
  return /^ \* (.*)$/m.exec(source)?.[1] ?? "";
}

function showCommand(command: string): void {
  console.log(`  ${paint("dim", `$ ${command}`)}`);
}

function agrees({ expected, saw }: Outcome): boolean {
  return saw === expected;
}

/** Prints what the clients saw; tells whether all of it is what they had to see. */
function report(outcomes: readonly Outcome[], seconds: number): boolean {
  const [header = "", ...lines] = table([
    ["filter", "client", "told to", "the client saw"],
    ...outcomes.map((outcome) => {
      const { filter, client, told, expected, saw } = outcome;
      return [filter, client, told, agrees(outcome) ? saw : `${saw} (must be: ${expected})`];
    }),
  ]);
  console.log(`\n   ${paint("bold", header)}`);
  for (const [index, outcome] of outcomes.entries()) {
    const line = lines[index] ?? "";
    console.log(agrees(outcome) ? ` ${paint("green", "✓")} ${line}` : paint("red", ` ✗ ${line}`));
  }
  if (families.length === 1) console.log("   This machine has no IPv6: its clients are left out.");
  const right = outcomes.filter(agrees).length;
  const name = `${NAMES[runtime]} ${process.versions[runtime]}`;
  const summary = `${right} of ${outcomes.length} agree (${name}, ${seconds.toFixed(1)} s)`;
  console.log(`\n${paint(right === outcomes.length ? "green" : "red", summary)}`);
  return right === outcomes.length;
}
