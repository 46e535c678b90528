/** The programs that are measured, and how they take turns. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import { environment, MODES, options, rounds, seconds } from "./options.ts";

/** What scripts/benchmark/inside set up. */
export const QUEUES = { throughput: "1", ping: "2", bulk: "3" } as const;

export type Command = readonly [string, ...string[]];

export interface Program {
  readonly name: string;
  /** Takes the options of consumer.h; none: the packets pass without a queue. */
  readonly command?: Command;
  /** Of those in TypeScript. */
  readonly runtime?: string;
  readonly mode?: string;
}

/** What the same program of the checkout of --beside is called. */
export const besideName = ({ name }: Program): string => `${BESIDE}${name}`;

/** A program that scripts/benchmark/inside compiled. */
export const c = (name: string): string => `${environment("PROGRAMS")}/${name}`;
const BESIDE = "beside: ";
/** Checkouts that are measured, and how each is called: this one, and the one of --beside. */
const trees: readonly { name: string; consumer: string }[] = [
  { name: "", consumer: fileURLToPath(new URL("consumer.ts", import.meta.url)) },
  ...(options.beside === undefined
    ? []
    : [{ name: BESIDE, consumer: resolve(options.beside, "scripts/benchmark/consumer.ts") }]),
];

/** What runs TypeScript, as far as --runtime allows: what PacketQueue needs, and what mitata does. */
export const runtimes: readonly { name: string; command: Command; run: Command }[] = [
  {
    name: "Deno",
    command: [environment("DENO"), "run", "--allow-ffi", "--no-prompt"] as const,
    run: [environment("DENO"), "run", "--allow-all"] as const,
  },
  { name: "Bun", command: [environment("BUN")] as const, run: [environment("BUN")] as const },
  // Not always installed.
  ...(options.runtime.includes("node")
    ? [{
      name: "Node",
      command: [environment("NODE"), "--no-warnings"] as const,
      run: [environment("NODE"), "--no-warnings"] as const,
    }]
    : []),
].filter(({ name }) => options.runtime.includes(name.toLowerCase()));

/** PacketQueue in each of these modes, as far as --mode and --runtime allow. */
export function ours(...names: string[]): Program[] {
  return names.filter((mode) => options.mode.includes(mode)).flatMap((mode) =>
    runtimes.flatMap(({ name, command }) =>
      trees.map((tree): Program => ({
        name: `${tree.name}${name} ${MODES[mode]}`,
        runtime: name,
        mode,
        command: [...command, tree.consumer, "-m", mode],
      }))
    )
  );
}

export const callback: Program = { name: "C, the library's callback", command: [c("callback")] };
export const byHand: Program = {
  name: "C by hand, a verdict a packet",
  command: [c("handwritten")],
};
export const batched: Program = {
  name: "C by hand, a batch verdict a receive",
  command: [c("handwritten"), "-b"],
};

/** Two cores that this process may use: the consumer's and the sender's. */
export const [consumerCore, senderCore]: readonly [string, string] = (() => {
  const list =
    /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const cores = list.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  });
  return [cores[0] ?? "0", cores[1] ?? cores[0] ?? "0"];
})();
export const pinned = (core: string, command: Command): Command => [
  "taskset",
  "-c",
  core,
  ...command,
];

/** Samples of every program by name, measured in turn. */
export async function inTurn<T>(
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

/** Measures while a program decides what a chain sends to its queue, or while nothing is queued. */
export async function beside(
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
