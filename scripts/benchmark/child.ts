/** Child processes whose output is read line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Nothing here takes longer; what does is hung. */
const MOST_MILLISECONDS = 90_000;

export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown>;
  readonly #command: string;

  constructor([name, ...parameters]: readonly [string, ...string[]]) {
    this.#command = [name, ...parameters].join(" ");
    const child = spawn(name, parameters, { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    this.#exit = once(child, "exit");
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const timer = setTimeout(() => child.kill("SIGKILL"), MOST_MILLISECONDS);
    this.#exit.then(() => clearTimeout(timer), () => clearTimeout(timer));
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done ? await this.unexpectedEnd() : value;
  }

  /** Rejects when it ends. */
  async unexpectedEnd(): Promise<never> {
    await this.#exit;
    throw new Error(`ended too early (${this.#process.exitCode}): ${this.#command}`);
  }

  /** All that it prints. */
  async output(): Promise<string> {
    const lines: string[] = [];
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next()) {
      lines.push(next.value);
    }
    await this.end();
    return lines.join("\n");
  }

  /** Waits until it ends by itself, successfully. */
  async end(): Promise<void> {
    await this.#exit;
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== 0) throw new Error(`${signalCode ?? `status ${exitCode}`}: ${this.#command}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGTERM");
      const timer = setTimeout(() => this.#process.kill("SIGKILL"), 2000);
      await this.#exit;
      clearTimeout(timer);
    }
  }
}
