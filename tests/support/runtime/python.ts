/**
 * Python processes that do what a test tells them: fork, pass descriptors, exec, enter namespaces.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { command } from "./command.ts";
import { type Deferred, deferred, within } from "./waiting.ts";

/** Runs each line that it reads, and answers with what `say` was given last, as JSON. */
const LOOP = `
import array, ctypes, json, os, socket, struct, subprocess, sys, time
answer = [None]
def say(value): answer[0] = value
for line in sys.stdin:
    answer[0] = None
    exec(json.loads(line), globals())
    print(json.dumps(answer[0]), flush=True)
`;

let interpreter: string | undefined;

/** The program itself: `python3` may be a script that looks for it, slowly. */
function python(): string {
  return interpreter ??= command("python3", ["-c", "import sys; print(sys.executable)"]).trim();
}

/** One such process; killed by its own id when disposed. */
export class PythonProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended = deferred<void>();
  readonly #waiting: Deferred<unknown>[] = [];
  #output = "";
  #errors = "";

  /** @param prefix command words before it, such as a namespace's prefix */
  constructor({ prefix = [] }: { readonly prefix?: readonly string[] } = {}) {
    const words = [...prefix, python(), "-S", "-u", "-c", LOOP];
    this.#process = spawn(words[0]!, words.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stdout?.on("data", (chunk: Uint8Array) => {
      const lines = (this.#output + new TextDecoder().decode(chunk)).split("\n");
      this.#output = lines.pop()!;
      for (const line of lines) this.#waiting.shift()?.resolve(JSON.parse(line));
    });
    this.#process.stderr?.on("data", (chunk: Uint8Array) => {
      this.#errors += new TextDecoder().decode(chunk);
    });
    this.#process.once("close", () => {
      this.#ended.resolve();
      const error = new Error(`python3 ended: ${this.#errors}`);
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** Runs Python, and gives what it said. */
  async run<Value = unknown>(code: string): Promise<Value> {
    const answer = deferred<unknown>();
    this.#waiting.push(answer);
    this.#process.stdin?.write(`${JSON.stringify(code)}\n`);
    return await within(answer.promise, { what: `python: ${code}` }) as Value;
  }

  /** Runs Python that ends in another program, so that nothing answers. */
  replace(code: string): void {
    this.#process.stdin?.write(`${JSON.stringify(code)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await within(this.#ended.promise, { what: "python3 to end" });
  }
}
