/** A child process that speaks in lines, and is spoken to in lines. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { until, within } from "../../tests/support/runtime/waiting.ts";

/** Words of its errors that are kept. */
const KEPT = 4000;

export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;
  #over = false;
  #errors = "";

  constructor(
    [program, ...words]: readonly [string, ...string[]],
    environment: Readonly<Record<string, string>> = {},
  ) {
    const child = spawn(program, words, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...environment },
    });
    this.#process = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.#lines.push(line));
    child.stderr.on("data", (chunk: Uint8Array) => {
      this.#errors = (this.#errors + new TextDecoder().decode(chunk)).slice(-KEPT);
    });
    child.stdin.on("error", () => {}); // it has ended; `line` will say so
    this.#ended = new Promise((resolve) => {
      const over = () => {
        this.#over = true;
        resolve();
      };
      child.once("error", over);
      child.once("close", over);
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get over(): boolean {
    return this.#over;
  }

  /** How it ended and what it wrote to its errors. */
  get words(): string {
    const { exitCode, signalCode } = this.#process;
    return `${signalCode ?? `status ${exitCode}`} ${this.#errors.trim()}`;
  }

  /** The next line it says. */
  async line(timeout = 20_000): Promise<string> {
    await until(() => this.#lines.length > 0 || this.#over, {
      what: `process ${this.pid} says something (${this.#errors})`,
      timeout,
    });
    const line = this.#lines.shift();
    if (line === undefined) throw new Error(`ended too early: ${this.words}`);
    return line;
  }

  say(line: string): void {
    if (!this.#over) this.#process.stdin?.write(`${line}\n`);
  }

  signal(name: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (!this.#over) process.kill(this.pid, name);
  }

  /** Stops it, and waits until all of its threads stand still. */
  async pause(): Promise<void> {
    this.signal("SIGSTOP");
    await until(() => this.#over || standsStill(this.pid), { what: `${this.pid} stops` });
  }

  async end(): Promise<void> {
    await within(this.#ended, { what: `process ${this.pid} to end`, timeout: 20_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.end();
  }
}

function standsStill(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) => {
    try {
      return /\) [TtZX] /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8"));
    } catch {
      return true; // that thread has ended
    }
  });
}
