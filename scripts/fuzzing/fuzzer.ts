/** The fuzzer of one runtime: target after target, for a window each, until the end. */
import { CAPACITY } from "./arena.ts";
import { Judge, type Problem } from "./judge.ts";
import { Growth, memoryInUse } from "./memory.ts";
import { mutate } from "./mutate.ts";
import { hashOf, mixed, Random } from "./random.ts";
import type { Failure, Report, Row } from "./report.ts";
import { shrink } from "./shrink.ts";
import type { Input, Target } from "./target.ts";
import { wordsOf } from "./words.ts";

/** How often every target has its turn, at least. */
const ROUNDS = 6;
/** Longest turn of a target, in milliseconds. */
const LONGEST = 2000;
/** One input of so many is run twice, with other bytes around it. */
const TWICE = 4;
/** Different failures of one target that are shrunk and told; more are only counted. */
const MOST_FAILURES = 12;
const PROGRESS = 1000;

/** When it ends, and what the inputs are made from. */
export interface Bounds {
  readonly seconds: number;
  readonly count: number;
  readonly seed: number;
}

interface State {
  readonly target: Target;
  readonly growth: Growth;
  readonly known: Set<string>;
  block: number;
  iterations: number;
  failures: number;
  milliseconds: number;
}

const scratch = new Uint8Array(new ArrayBuffer(CAPACITY));

/** The inputs of one block, the same for the same seed; the bytes of each until the next. */
export function* inputsOf(target: Target, seed: number, block: number): Generator<Input> {
  const random = new Random(mixed(seed, hashOf(target.name), block));
  for (let left = target.block; left > 0; left--) {
    const bytes = scratch.subarray(0, mutate(scratch, target, random));
    yield { bytes, operations: target.choose(random, bytes) };
  }
}

/** Runs targets. */
export class Fuzzer {
  readonly #bounds: Bounds;
  readonly #tell: (report: Report) => void;
  readonly #states: readonly State[];
  readonly #judge = new Judge();
  readonly #memory: number[] = [];
  #told = 0;

  constructor(targets: readonly Target[], bounds: Bounds, tell: (report: Report) => void) {
    this.#bounds = bounds;
    this.#tell = tell;
    this.#states = targets.map((target): State => ({
      target,
      growth: new Growth(),
      known: new Set(),
      ...{ block: 0, iterations: 0, failures: 0, milliseconds: 0 },
    }));
  }

  /** Fuzzes until the bounds are reached. */
  run(): void {
    const { seconds, count } = this.#bounds;
    const started = performance.now();
    const end = started + 1000 * seconds;
    const states = this.#states;
    const all = states.reduce((sum, { target }) => sum + target.block, 0);
    const turn = {
      milliseconds: Math.min(LONGEST, 1000 * seconds / (states.length * ROUNDS)),
      blocks: Math.max(1, Math.floor(count / (all * ROUNDS))),
    };
    let memory = memoryInUse();
    while (performance.now() < end && this.#iterations() < count) {
      for (const state of states) {
        if (performance.now() >= end || this.#iterations() >= count) break;
        this.#turn(state, turn, end);
        const after = memoryInUse();
        state.growth.add(after - memory);
        memory = after;
        this.#progress();
      }
      this.#memory.push(memory);
    }
    for (const state of states) this.#judgeMemory(state);
    const rows = states.map(({ target, iterations, failures, milliseconds }): Row => ({
      target: target.name,
      ...{ iterations, failures, seconds: milliseconds / 1000 },
    }));
    this.#tell({ type: "end", rows, memory: this.#memory });
  }

  #iterations(): number {
    return this.#states.reduce((sum, { iterations }) => sum + iterations, 0);
  }

  #turn(
    state: State,
    { milliseconds, blocks }: { readonly milliseconds: number; readonly blocks: number },
    end: number,
  ): void {
    const started = performance.now();
    const stop = Math.min(end, started + milliseconds);
    for (let left = blocks; left > 0 && performance.now() < stop; left--) this.#block(state);
    state.milliseconds += performance.now() - started;
  }

  #block(state: State): void {
    const { target } = state;
    const block = state.block++;
    this.#tell({ type: "block", target: target.name, block });
    let number = 0;
    for (const input of inputsOf(target, this.#bounds.seed, block)) {
      const problem = this.#judge.quick(target, input, number++ % TWICE === 0);
      if (problem !== undefined) this.#failed(state, input, problem);
    }
    state.iterations += number;
    if (!this.#judge.isClean()) this.#findWriter(state, block);
  }

  /** Which input of the block wrote far outside. */
  #findWriter(state: State, block: number): void {
    for (const input of inputsOf(state.target, this.#bounds.seed, block)) {
      const problem = this.#judge.judge(state.target, input);
      if (problem?.kind === "write outside") this.#failed(state, input, problem);
    }
  }

  #failed(state: State, input: Input, problem: Problem): void {
    const { target, known } = state;
    const slow = problem.kind === "slow";
    // Measuring takes long too: one is enough.
    if (slow && known.has(signatureOf(problem))) {
      state.failures++;
      return;
    }
    // A busy machine, or a collection of garbage, is no failure.
    const sure = this.#judge.judge(target, input) ?? (slow ? undefined : problem);
    if (sure === undefined) return;
    state.failures++;
    const signature = signatureOf(sure);
    if (known.has(signature) || known.size >= MOST_FAILURES) return;
    known.add(signature);
    const own = { bytes: input.bytes.slice(), operations: input.operations };
    const small = shrink(own, (candidate) => {
      const found = this.#judge.judge(target, candidate);
      return found !== undefined && signatureOf(found) === signature;
    });
    this.#report(target, small, this.#judge.judge(target, small) ?? sure);
  }

  #report(target: Target, input: Input, { kind, message, stack }: Problem): void {
    const words = wordsOf(target, input, this.#bounds.seed);
    const failure: Failure = { target: target.name, kind, message, stack, words };
    this.#tell({ type: "failure", failure });
  }

  #judgeMemory(state: State): void {
    const each = state.growth.each(this.#memory);
    if (each === 0) return;
    state.failures++;
    const message = `${
      Math.round(each / 1024)
    } KiB more after each of its turns, garbage collected`;
    const words = `--only ${state.target.name} --seed ${this.#bounds.seed}`;
    const failure: Failure = {
      target: state.target.name,
      ...{ kind: "memory", message, stack: "", words },
    };
    this.#tell({ type: "failure", failure });
  }

  #progress(): void {
    const now = performance.now();
    if (now - this.#told < PROGRESS) return;
    this.#told = now;
    const failures = this.#states.reduce((sum, { failures }) => sum + failures, 0);
    this.#tell({ type: "progress", iterations: this.#iterations(), failures });
  }
}

/** The same for failures that are the same but for their numbers. */
function signatureOf({ kind, message, stack }: Problem): string {
  const place = stack.split(" < ")[0] ?? "";
  return `${kind}: ${message.replace(/"[^"]*"|0x[\da-f]+|[\d.]+/gi, "#")} ${place}`.slice(0, 200);
}
