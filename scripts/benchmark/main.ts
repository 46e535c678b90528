/** Runs what was asked for, in turn, and prints tables. */
import { cpus, release } from "node:os";
import { bulk } from "./bulk.ts";
import { Child } from "./child.ts";
import { environment, options, rounds, seconds } from "./options.ts";
import { ping } from "./ping.ts";
import type { Command } from "./programs.ts";
import { streams } from "./streams.ts";
import { throughput } from "./throughput.ts";
import { views } from "./views.ts";

const version = async (command: Command) =>
  (await new Child(command).output()).split("\n")[0] ?? "";
const versions = [
  `Linux ${release()}`,
  `${cpus().length} cores, ${cpus()[0]?.model}`,
  (await version([environment("DENO"), "--version"])).replace(/^deno (\S+).*/, "Deno $1"),
  `Bun ${await version([environment("BUN"), "--version"])}`,
  ...(options.runtime.includes("node")
    ? [`Node ${(await version([environment("NODE"), "--version"])).slice(1)}`]
    : []),
];
if (!options.json) {
  console.log(`${versions.join("; ")}. Medians of ${rounds} rounds (least–most).\n`);
}

const benchmarks: Record<string, () => Promise<unknown>> = {
  throughput,
  bulk,
  streams,
  ping,
  views,
};
const results: Record<string, unknown> = { versions, rounds, seconds };
for (const name of options.only) results[name] = await benchmarks[name]?.();
if (options.json) console.log(JSON.stringify(results, undefined, 1));
