/** One input through one target, with every check that holds for all targets. */
import process from "node:process";
import { Arena, CAPACITY } from "./arena.ts";
import { isEngines } from "./engine_errors.ts";
import { Finding, type Input, requireDocumented, type Target } from "./target.ts";

/** More than this for one call with one input is a failure, in milliseconds. */
const LIMIT = 50;
/** A slow one is measured so often again, in processor time: the machine may have been busy. */
const AGAIN = 3;
/** What is around an input in the two memories. */
const FILLS = [0x5a, 0xa5] as const;

/** What was wrong. */
export interface Problem {
  readonly kind: string;
  readonly message: string;
  readonly stack: string;
}

/** Runs inputs, and says what was wrong with it. */
export class Judge {
  readonly #arenas: readonly [Arena, Arena] = [new Arena(FILLS[0]), new Arena(FILLS[1])];
  readonly #before = new Uint8Array(new ArrayBuffer(CAPACITY));
  #digest = 0;

  constructor() {
    Error.stackTraceLimit = 0;
  }

  /**
   * The quick way: an input that this says nothing about passed all checks but those of the whole
   * memory and, unless `twice`, of reads outside.
   */
  quick(target: Target, input: Input, twice: boolean): Problem | undefined {
    const started = performance.now();
    const problem = this.#run(target, input, 0);
    const took = performance.now() - started;
    if (problem !== undefined) return problem;
    if (took > limitOf(target)) return slow(took);
    return twice ? this.#runAgain(target, input) : undefined;
  }

  /** The whole way, for an input that may be wrong. */
  judge(target: Target, input: Input): Problem | undefined {
    // What is thrown all the time is quicker without.
    Error.stackTraceLimit = 20;
    try {
      return this.#judge(target, input);
    } finally {
      Error.stackTraceLimit = 0;
    }
  }

  #judge(target: Target, input: Input): Problem | undefined {
    const first = this.quick(target, input, true);
    if (first !== undefined && first.kind !== SLOW) return first;
    if (!this.isClean()) return outside("far from the input");
    if (first === undefined) return undefined;
    const limit = limitOf(target);
    let least = Infinity;
    for (let turn = 0; turn < AGAIN && least > limit; turn++) {
      const started = performance.now();
      const before = process.cpuUsage();
      this.#run(target, input, 0);
      const { user, system } = process.cpuUsage(before);
      // Other threads collect garbage.
      least = Math.min(least, performance.now() - started, (user + system) / 1000);
    }
    return least > limit ? slow(least) : undefined;
  }

  /** Whether nothing was written anywhere outside. */
  isClean(): boolean {
    const [first, second] = this.#arenas.map((arena) => arena.isClean());
    return first === true && second === true;
  }

  #runAgain(target: Target, input: Input): Problem | undefined {
    const digest = this.#digest;
    const problem = this.#run(target, input, 1);
    if (problem !== undefined || this.#digest === digest) return problem;
    const message = "what is read of these bytes depends on what is around them, or on chance";
    return { kind: "read outside", message, stack: "" };
  }

  #run(target: Target, { bytes: input, operations }: Input, which: 0 | 1): Problem | undefined {
    const arena = this.#arenas[which];
    const bytes = arena.put(input, input.length * 7 + which * 31);
    const writes = target.writes === true;
    if (!writes) this.#before.set(input);
    let problem: Problem | undefined;
    try {
      this.#digest = target.run(bytes, operations);
      if (!writes && !this.#isSame(bytes)) {
        problem = { kind: "write", message: "what only reads changed the bytes", stack: "" };
      }
    } catch (error) {
      problem = problemOf(error);
    }
    if (!arena.take()) return outside("next to the input");
    return problem;
  }

  #isSame(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; at++) if (bytes[at] !== this.#before[at]) return false;
    return true;
  }
}

const SLOW = "slow";

function limitOf({ calls = 1 }: Target): number {
  return LIMIT * calls;
}

function slow(milliseconds: number): Problem {
  return { kind: SLOW, message: `took ${milliseconds.toFixed(0)} ms`, stack: "" };
}

function outside(where: string): Problem {
  return { kind: "write outside", message: `bytes ${where} were written`, stack: "" };
}

/** The first lines of a stack that are not ours. */
function stackOf(error: Error): string {
  const lines = (error.stack ?? "").split("\n").filter((line) => /\bat\b|@/.test(line));
  const foreign = lines.filter((line) => !line.includes("/scripts/fuzzing/"));
  return foreign.slice(0, 4).map((line) =>
    line.trim().replace(/(?:file:\/\/)?\/[^\s(]*?\/(?=src\/|ffi\/)/, "")
  )
    .join(" < ");
}

function problemOf(error: unknown): Problem {
  const finding = error instanceof Finding ? error : asFinding(error);
  const cause = finding.cause instanceof Error ? finding.cause : undefined;
  return {
    kind: finding.kind,
    message: finding.message,
    stack: cause === undefined ? "" : stackOf(cause),
  };
}

function asFinding(error: unknown): Finding {
  try {
    requireDocumented([], error);
  } catch (finding) {
    if (finding instanceof Finding) return finding;
  }
  return new Finding(isEngines(error) ? "error of the engine" : "undocumented error", `${error}`);
}
