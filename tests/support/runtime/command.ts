/**
 * Short system commands: iptables, ip, ping.
 *
 * @module
 */

import { execFile, spawn, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { patience, within } from "./waiting.ts";

/** Runs a command to its end and gives its output; throws with what it wrote when it fails. */
export function command(
  program: string,
  parameters: readonly string[],
  { input = "" }: { readonly input?: string } = {},
): string {
  const options = { encoding: "utf8", timeout: patience, input } as const;
  const result = spawnSync(program, [...parameters], options);
  if (result.error) throw result.error;
  if (result.status !== 0) {
    throw new Error(`${program} ${parameters.join(" ")}: ${result.stderr.trim()}`);
  }
  return result.stdout;
}

/** The same while the event loop goes on: for what waits for a queue that is served here. */
export async function commandAside(
  program: string,
  parameters: readonly string[],
): Promise<string> {
  const options = { encoding: "utf8", timeout: patience } as const;
  return (await promisify(execFile)(program, [...parameters], options)).stdout;
}

/** How a ping went. */
export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly output: string;
}

/** What to ping, how often, and from which namespace. */
export interface PingOptions {
  readonly count?: number;
  /** Bytes of ICMP payload. */
  readonly size?: number;
  /** The byte that fills it. */
  readonly pattern?: number;
  /** Seconds to wait for the last answer; keep it short where no answer is expected. */
  readonly wait?: number;
  /** Command words before `ping`, such as a namespace's prefix. */
  readonly prefix?: readonly string[];
}

/** Pings an IPv4 or IPv6 address without blocking the event loop. */
export async function ping(address: string, options: PingOptions = {}): Promise<PingResult> {
  const count = options.count ?? 1;
  const words = [...(options.prefix ?? []), "ping", "-n", "-c", String(count), "-i", "0.01"];
  if (options.pattern !== undefined) words.push("-p", options.pattern.toString(16));
  words.push("-W", String(options.wait ?? 3), "-s", String(options.size ?? 56), address);
  const child = spawn(words[0] ?? "ping", words.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
  child.stderr.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
  try {
    const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
    await within(ended, { what: `ping ${address}` });
  } finally {
    child.kill("SIGKILL");
  }
  const summary = /(\d+) packets transmitted, (\d+) received/.exec(output);
  if (!summary) throw new Error(`ping ${address} gave no summary: ${output}`);
  return { sent: Number(summary[1]), received: Number(summary[2]), output };
}
