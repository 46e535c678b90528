/**
 * Programs in a real pseudo-terminal: what a person sees, types, and does to its size. A small C program
 * opens it, as neither runtime can.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { command } from "../runtime/command.ts";
import type { ChildEnd } from "../runtime/child.ts";
import { deferred, until, within } from "../runtime/waiting.ts";
import { Screen, withoutSequences } from "./screen.ts";

/** What a terminal is like. */
export interface TerminalOptions {
  /** 80 by default. */
  readonly columns?: number;
  /** 24 by default. */
  readonly rows?: number;
  /** Beside that of this process; undefined takes a variable away. NO_COLOR is not set unless it is given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where the program runs. */
  readonly folder?: string;
  /** Is told of all that the program writes, as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Names of signals by their numbers, on Linux. */
const SIGNALS: Readonly<Record<number, string>> = {
  ...{ 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV" },
  ...{ 13: "SIGPIPE", 15: "SIGTERM" },
};

/** Compiled once in a run of the tests. */
function compile(): string {
  const scratch = process.env["NFQUEUE_SCRATCH"];
  const folder = scratch ?? mkdtempSync(join(tmpdir(), "nfqueue-terminal-"));
  if (scratch === undefined) {
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  const path = join(folder, "pseudo_terminal");
  if (existsSync(path)) return path;
  const source = fileURLToPath(new URL("./pseudo_terminal.c", import.meta.url));
  // Test files run side by side: whoever comes last replaces the file by its equal.
  const draft = `${path}.${process.pid}.${Math.random()}`;
  command("cc", ["-O1", "-Wall", "-Wextra", "-o", draft, source, "-lutil"]);
  renameSync(draft, path);
  return path;
}

let compiled: string | undefined;

/** A program that runs in a terminal of its own; killed when disposed. */
export class Terminal implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #screen: Screen;
  readonly #decoder = new TextDecoder();
  readonly #ended = deferred<ChildEnd>();
  #output = "";
  #reports = "";
  #over = false;

  constructor(words: readonly string[], options: TerminalOptions = {}) {
    const { columns = 80, rows = 24, environment = {}, folder, onOutput } = options;
    this.#screen = new Screen(columns, rows);
    const env: Record<string, string | undefined> = { ...process.env, TERM: "xterm-256color" };
    delete env["NO_COLOR"];
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
    this.#process = spawn(compiled ??= compile(), [`${columns}`, `${rows}`, ...words], {
      stdio: ["pipe", "pipe", "pipe"],
      env,
      ...(folder === undefined ? {} : { cwd: folder }),
    });
    this.#process.stdout?.on("data", (chunk: Uint8Array) => {
      const text = this.#decoder.decode(chunk, { stream: true });
      this.#output += text;
      this.#screen.write(text);
      onOutput?.(text);
    });
    this.#process.stderr?.on("data", (chunk: Uint8Array) => {
      this.#reports += new TextDecoder().decode(chunk);
    });
    // It may end before it has read what was typed.
    this.#process.stdin?.on("error", () => {});
    this.#process.once("error", (error) => this.#ended.reject(error));
    this.#process.once("close", () => {
      this.#over = true;
      const [, kind, number] = /^(exit|signal) (\d+)$/m.exec(this.#reports) ?? [];
      if (kind === "exit") this.#ended.resolve({ code: Number(number), signal: null });
      else if (kind === "signal") {
        this.#ended.resolve({ code: null, signal: SIGNALS[Number(number)] ?? `${number}` });
      } else this.#ended.reject(new Error(`the pseudo-terminal failed: ${this.#reports}`));
    });
    this.#ended.promise.catch(() => {});
  }

  /** All that was written, with escape sequences. */
  get output(): string {
    return this.#output;
  }

  /** All that was written, without escape sequences and carriage returns. */
  get text(): string {
    return withoutSequences(this.#output);
  }

  /** What a person sees now. */
  get screen(): string {
    return this.#screen.text;
  }

  /** Whether the cursor is seen, and whether a program shows another screen than the shell's. */
  get state(): { readonly cursor: boolean; readonly alternate: boolean } {
    const { cursor, alternate } = this.#screen;
    return { cursor, alternate };
  }

  /** The program's process. */
  async pid(): Promise<number> {
    const found = () => /^pid (\d+)$/m.exec(this.#reports)?.[1];
    await until(() => found() !== undefined || this.#over, { what: "the program starts" });
    return Number(found() ?? -1);
  }

  /** Types a text: `"\x03"` is Ctrl-C. */
  type(text: string): void {
    const bytes = [...new TextEncoder().encode(text)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#process.stdin?.write(`t ${hex}\n`);
  }

  /** Changes the size, as a person who draws at the window's corner: the program gets SIGWINCH. */
  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
    this.#process.stdin?.write(`r ${columns} ${rows}\n`);
  }

  /** Closes the window: the program gets SIGHUP, and can write no more. */
  hangUp(): Promise<void> {
    return new Promise((resolve) => this.#process.stdin?.write("h\n", () => resolve()));
  }

  /** Sends a signal to the program alone. */
  async kill(signal: "SIGINT" | "SIGTERM" | "SIGKILL" | "SIGHUP"): Promise<void> {
    const pid = await this.pid();
    if (!this.#over) process.kill(pid, signal);
  }

  /** Waits until the program has written this. */
  async says(expected: string | RegExp, timeout?: number): Promise<void> {
    await this.#until(expected, () => this.text, timeout);
  }

  /** Waits until this is on the screen. */
  async shows(expected: string | RegExp, timeout?: number): Promise<void> {
    await this.#until(expected, () => this.screen, timeout);
  }

  async #until(expected: string | RegExp, text: () => string, timeout?: number): Promise<void> {
    const fits = () =>
      typeof expected === "string" ? text().includes(expected) : text().search(expected) >= 0;
    await until(() => fits() || this.#over, {
      what: `the terminal says ${expected}`,
      state: text,
      ...(timeout === undefined ? {} : { timeout }),
    });
    if (!fits()) throw new Error(`the program ended without saying ${expected}: ${this.text}`);
  }

  /** Waits for the program's end. */
  async end(timeout?: number): Promise<ChildEnd> {
    try {
      const limit = timeout === undefined ? {} : { timeout };
      return await within(this.#ended.promise, { what: "its end", ...limit });
    } catch (error) {
      throw new Error(`the program in the terminal: it said ${this.text}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its helper kills it when nobody types any more.
    this.#process.stdin?.end();
    await this.end().catch(() => this.#process.kill("SIGKILL"));
  }
}
