/**
 * Programs and signals: every runtime has node's calls for them.
 *
 * @module
 */

import type { Backend, ProgramEnd } from "./types.ts";

/** What is used of node:process. */
export interface NodeProcess {
  on(event: string, listener: () => void): unknown;
  prependListener(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  listeners(event: string): readonly unknown[];
  hasUncaughtExceptionCaptureCallback(): boolean;
  getBuiltinModule(name: "node:worker_threads"): { readonly isMainThread: boolean };
  getBuiltinModule(name: "node:child_process"): {
    spawnSync(program: string, words: readonly string[], options: object): {
      readonly status?: number | null;
      readonly signal?: string | null;
      readonly stdout?: string | null;
      readonly stderr?: string | null;
      readonly error?: { readonly code?: string; readonly message: string };
    };
  };
}

type Calls = Pick<
  Backend,
  "runProgram" | "isMainThread" | "onUncaughtError" | "onSignal" | "hasListener"
>;

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: "not-found",
  EACCES: "not-permitted",
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
      // Deno lets no program run with variables such as LD_PRELOAD unless everything is allowed, and says so.
      result = { error: { message: (error as Error).message } };
    }
    const { status, signal, stdout, stderr, error } = result;
    // Where --allow-run does not name the program, Deno's result is empty.
    const refused = status === undefined && error === undefined;
    return {
      status: status ?? undefined,
      signal: signal ?? undefined,
      output: stdout ?? "",
      errors: stderr ?? "",
      failure: refused
        ? FAILURES["EACCES"]
        : error && (FAILURES[error.code ?? ""] ?? error.code ?? error.message),
    };
  };
  return {
    runProgram,
    get isMainThread() {
      return process.getBuiltinModule("node:worker_threads").isMainThread;
    },
    onUncaughtError: (callback) => {
      const listener = () => {
        const caught = process.listeners("uncaughtException").length > 0 ||
          process.hasUncaughtExceptionCaptureCallback();
        if (!caught) callback();
      };
      process.on("uncaughtExceptionMonitor", listener);
      return () => process.off("uncaughtExceptionMonitor", listener);
    },
    onSignal: (signal, callback) => {
      const listener = () => callback();
      own.add(listener);
      // Before the program's: one that takes itself off when it is called must still be there.
      process.prependListener(signal, listener);
      return () => {
        own.delete(listener);
        process.off(signal, listener);
      };
    },
    hasListener: (signal) => process.listeners(signal).some((listener) => !own.has(listener)),
  };
}
