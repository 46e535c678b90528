/**
 * A filter of examples/ as a process of its own, under the runtime that runs this.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The words that a person types before a filter. */
const COMMANDS = {
  deno: ["deno", "run", "--allow-ffi"],
  bun: ["bun"],
  node: ["node"],
} as const;

/** What `nfqueue run` needs besides. */
const MORE_PERMISSIONS = ["--allow-read", "--allow-env"];
/** What it prints when its rules are installed. */
const READY = "; Ctrl-C ends it";

/** The runtime that runs this. */
export const runtime: keyof typeof COMMANDS = "Bun" in globalThis
  ? "bun"
  : "Deno" in globalThis
  ? "deno"
  : "node";

const TRACE = "./scripts/demonstration/trace.ts";

/** Longest time a filter may take to open its queue, and to end at Ctrl-C; more where it is emulated. */
const PATIENCE = process.env["NFQUEUE_VM"] === "1" ? 90_000 : 8000;

/** Which example, and how to start it. */
export interface ExampleOptions {
  /** The name of its file in examples/, without `.ts`. */
  readonly name: string;
  readonly queue: number;
  /** Words of its command line besides `--queue`. */
  readonly words?: readonly string[];
  /** It is a filter module: `nfqueue run` runs it, with these rules in the place of its own. */
  readonly filterRules?: readonly string[];
  /** Whether trace.ts makes it print a line a verdict. */
  readonly traced?: boolean;
  /** Hears each line that it writes. */
  readonly onLine?: (line: string) => void;
}

/** A running example; killed, by its own id, when disposed. */
export class Example implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<string>;
  /** The signal that ended it, or `status …`. */
  #end: string | undefined;
  #ready: boolean;

  private constructor(options: ExampleOptions) {
    const { onLine } = options;
    this.#ready = options.filterRules === undefined;
    this.#process = spawn(process.execPath, commandWords(options), {
      cwd: root,
      // Without a terminal Deno denies what it would ask for.
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        if (line.endsWith(READY)) this.#ready = true;
        onLine?.(line);
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#process.once("error", (error) => resolve(error.message));
      this.#process.once("close", (code, signal) => resolve(signal ?? `status ${code}`));
    });
    void this.#ended.then((end) => this.#end = end);
  }

  /** Starts it and waits until packets of its queue reach it. */
  static async start(options: ExampleOptions): Promise<Example> {
    const example = new Example(options);
    const { name, queue } = options;
    try {
      const isReady = () => example.#ready && receives(queue);
      await example.#until(isReady, `examples/${name}.ts to open queue ${queue}`);
    } catch (error) {
      await example[Symbol.asyncDispose]();
      throw error;
    }
    return example;
  }

  /** Ends it as Ctrl-C would; tells how it ended, once its last line has been heard. */
  async interrupt(): Promise<string> {
    // Not ChildProcess.kill: Deno would report that signal even for one who caught it and went on.
    if (this.#end === undefined) process.kill(this.#process.pid!, "SIGINT");
    await this.#until(() => this.#end !== undefined, "a filter to end at Ctrl-C");
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === undefined) this.#process.kill("SIGKILL");
    await this.#ended;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!condition()) {
      if (this.#end !== undefined) throw new Error(`waited for ${what}; it ended: ${this.#end}`);
      if (performance.now() > end) throw new Error(`waited ${PATIENCE} ms in vain for ${what}`);
      await delay(5);
    }
  }
}

/** The command that starts an example, as a person would type it in the project's folder. */
export function commandLine(options: ExampleOptions): string {
  const words = [COMMANDS[runtime][0], ...commandWords(options)];
  return words.map((word) => word.includes(" ") ? `'${word}'` : word).join(" ");
}

function commandWords(options: ExampleOptions): string[] {
  const { name, queue, words = [], filterRules, traced = false } = options;
  const isFilter = filterRules !== undefined;
  return [
    ...COMMANDS[runtime].slice(1),
    ...(isFilter && runtime === "deno" ? MORE_PERMISSIONS : []),
    // It would say that FFI is experimental.
    ...(runtime === "node" ? ["--no-warnings"] : []),
    ...(traced ? [runtime === "node" ? "--import" : "--preload", TRACE] : []),
    ...(isFilter ? ["src/cli/main.ts", "run"] : []),
    ...[`examples/${name}.ts`, "--queue", String(queue), ...words],
    ...(filterRules ?? []).flatMap((rule) => ["--rule", rule]),
  ];
}

/** Whether a process has bound the queue and asked for packets (the copy mode is not 0). */
function receives(queue: number): boolean {
  return readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some((columns) => columns[0] === queue && columns[3] !== 0);
}
