/**
 * The runtime that runs the tests: child processes under it, memory, garbage.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { deferred, patience, until, within } from "./waiting.ts";

/** The runtime that runs this. */
export const runtime: "deno" | "bun" | "node" = "Bun" in globalThis
  ? "bun"
  : "Deno" in globalThis
  ? "deno"
  : "node";
export const isBun: boolean = runtime === "bun";
export const isDeno: boolean = runtime === "deno";
export const isNode: boolean = runtime === "node";

/** Node's flags for whatever runs in a test. The first: what a program writes as errors is compared. */
const NODE_FLAGS: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  ...["--import", new URL("node_worker.ts", import.meta.url).href],
];

const COMMANDS: Readonly<Record<typeof runtime, readonly string[]>> = {
  deno: ["run", "--no-prompt"],
  bun: [],
  node: NODE_FLAGS,
};

/**
 * The words between the runtime and a script.
 *
 * @param permissions Deno's
 */
export function runtimeWords(permissions: readonly string[] = ["--allow-all"]): string[] {
  return [...COMMANDS[runtime], ...(isDeno ? permissions : [])];
}

/** How a child process ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

type Ending = "SIGINT" | "SIGTERM" | "SIGHUP";

/** What a child gets besides the script. */
export interface SpawnOptions {
  readonly parameters?: readonly (string | number)[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Deno's permission flags; without it the child may do everything. */
  readonly permissions?: readonly string[];
  /** The runtime's own flags, before the script. */
  readonly flags?: readonly string[];
  /** Command words before the runtime, such as `setpriv …` or a namespace's prefix. */
  readonly prefix?: readonly string[];
}

/** A script of fixtures/ running under this same runtime; killed by its own id when disposed. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended = deferred<ChildEnd>();
  #over = false;
  #output = "";
  #errors = "";

  constructor(script: URL, options: SpawnOptions = {}) {
    const words = [
      ...(options.prefix ?? []),
      // Where Deno sees its own path in a command it adds --allow-all.
      ...["sh", "-c", 'exec "$RUNTIME" "$@"', "sh"],
      ...runtimeWords(options.permissions),
      ...(options.flags ?? []),
      fileURLToPath(script),
      ...(options.parameters ?? []).map(String),
    ];
    this.#process = spawn(words[0] ?? "", words.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", RUNTIME: process.execPath, ...options.environment },
    });
    this.#process.stdout?.on("data", (chunk: Uint8Array) => {
      this.#output += new TextDecoder().decode(chunk);
    });
    this.#process.stderr?.on("data", (chunk: Uint8Array) => {
      this.#errors += new TextDecoder().decode(chunk);
    });
    this.#process.once("error", (error) => this.#ended.reject(error));
    this.#process.once("close", (code, signal) => {
      this.#over = true;
      this.#ended.resolve({ code, signal });
    });
    // Whoever never asks for the end must not see an unhandled rejection.
    this.#ended.promise.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get output(): string {
    return this.#output;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Waits until the child has written this to its output. */
  async says(text: string): Promise<void> {
    await until(() => this.#output.includes(text) || this.#over, {
      what: `child ${this.pid} says ${JSON.stringify(text)}`,
      timeout: 2 * patience, // it may have to start first
    });
    if (!this.#output.includes(text)) {
      throw new Error(`the child ended without saying ${text}: ${this.#output}${this.#errors}`);
    }
  }

  kill(signal: Ending | "SIGKILL" | "SIGUSR1" | "SIGSTOP" | "SIGCONT"): void {
    // Not ChildProcess.kill: Deno then reports that signal as the end, whatever the child did.
    if (!this.#over) process.kill(this.pid, signal);
  }

  /** Waits for the child's end; its words are in the error when it does not come. */
  async end(timeout?: number): Promise<ChildEnd> {
    const what = () => `child ${this.pid} to end; it said ${this.#output}${this.#errors}`;
    try {
      return await within(this.#ended.promise, {
        what: "it",
        ...(timeout === undefined ? {} : { timeout }),
      });
    } catch (error) {
      throw new Error(what(), { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.end().catch(() => {});
  }
}

/** Resident memory of this process in bytes, from the kernel. */
export function residentMemory(): number {
  const pages = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]);
  return pages * 4096;
}

/** Collects all garbage now; throws unless an object that nobody holds is gone afterwards. */
export async function collectGarbage(): Promise<void> {
  const witness = new WeakRef<object>({});
  for (let round = 0; round < 20; round++) {
    // A WeakRef keeps its object alive for the turn that made or read it.
    await turn();
    collectGarbageNow();
    await turn();
    if (witness.deref() === undefined) return;
  }
  throw new Error("the garbage collector cannot be made to run");
}

/** Collects garbage in the middle of a synchronous loop. */
export function collectGarbageNow(): void {
  collector ??= findCollector();
  collector();
}

let collector: (() => void) | undefined;

function findCollector(): () => void {
  const { Bun } = globalThis as { readonly Bun?: { gc(synchronously: boolean): void } };
  if (Bun) return () => Bun.gc(true);
  // V8 shows its collector in contexts that are made after the flag is set.
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
