/**
 * Programs and signals: both runtimes have node's calls for them.
 *
 * @module
 */

import type { Backend, EndingSignal, ProgramEnd } from "./types.ts";

/** What is used of node:process. */
export interface NodeProcess {
  readonly pid: number;
  on(signal: string, listener: () => void): unknown;
  off(signal: string, listener: () => void): unknown;
  listeners(signal: string): readonly unknown[];
  kill(process: number, signal: string): unknown;
  getBuiltinModule(name: "node:child_process"): {
    spawnSync(program: string, words: readonly string[], options: object): {
      readonly status: number | null;
      readonly stdout: string | null;
      readonly stderr: string | null;
      readonly error?: { readonly code?: string; readonly name?: string; readonly message: string };
    };
  };
}

type Calls = Pick<Backend, "runProgram" | "onSignal" | "hasListener" | "endBySignal">;

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: "not-found",
  EACCES: "not-permitted",
  NotCapable: "not-permitted",
  PermissionDenied: "not-permitted",
};

/** The calls, over one runtime's node:process. */
export function processCalls(process: NodeProcess): Calls {
  const own = new Set<unknown>();
  const runProgram = (
    [program, ...words]: readonly [string, ...string[]],
    input = "",
  ): ProgramEnd => {
    const { spawnSync } = process.getBuiltinModule("node:child_process");
    const options = { input, encoding: "utf8", maxBuffer: 64 << 20, shell: false };
    let result: ReturnType<typeof spawnSync>;
    try {
      result = spawnSync(program, words, options);
    } catch (error) {
      // Deno throws where --allow-run does not name the program.
      result = { status: null, stdout: "", stderr: "", error: error as Error };
    }
    const { status, stdout, stderr, error } = result;
    return {
      status: status ?? undefined,
      output: stdout ?? "",
      errors: stderr ?? "",
      failure: error &&
        (FAILURES[error.code ?? ""] ?? FAILURES[error.name ?? ""] ?? error.code ?? error.message),
    };
  };
  return {
    runProgram,
    onSignal: (signal, callback) => {
      const listener = () => callback();
      own.add(listener);
      process.on(signal, listener);
      return () => {
        own.delete(listener);
        process.off(signal, listener);
      };
    },
    hasListener: (signal: EndingSignal) =>
      process.listeners(signal).some((listener) => !own.has(listener)),
    endBySignal: (signal: EndingSignal) => {
      for (const listener of process.listeners(signal)) {
        process.off(signal, listener as () => void);
      }
      process.kill(process.pid, signal);
    },
  };
}
