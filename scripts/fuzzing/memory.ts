/** Whether memory grows: what is left after the garbage is collected, target by target. */
import process from "node:process";

/** Growth in a window that is not looked at: caches, code that was compiled. */
const ALLOWED = 512 * 1024;
/** The first windows of a target warm it up. */
const WARM_UP = 2;
/** So many windows must grow before it is said. */
const LEAST = 3;

/** Bytes of the heap and of array buffers that are in use, with all garbage collected. */
export function memoryInUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Collects garbage: scripts/fuzzing/main.ts starts Deno so that it can. */
export function collect(): void {
  const { gc, Bun } = globalThis as {
    readonly gc?: () => void;
    readonly Bun?: { gc(synchronously: boolean): void };
  };
  if (Bun !== undefined) Bun.gc(true);
  else gc?.();
}

/** The windows of one target. */
export class Growth {
  readonly #windows: number[] = [];

  /** Bytes more, or less, after a window than before. */
  add(bytes: number): void {
    this.#windows.push(bytes);
  }

  /**
   * By how much it grows a window; 0 where that is nothing.
   *
   * @param rounds memory in use after each round of all targets: what one of them takes and another
   * gives back is no growth
   */
  each(rounds: readonly number[]): number {
    const windows = this.#windows.slice(WARM_UP);
    if (windows.length < LEAST) return 0;
    const middle = windows.toSorted((a, b) => a - b)[(windows.length - 1) >> 1]!;
    const sum = windows.reduce((total, bytes) => total + bytes, 0);
    const all = (rounds.at(-1) ?? 0) - (rounds[WARM_UP - 1] ?? 0);
    const grows = middle > ALLOWED && sum > ALLOWED * windows.length && all > sum / 2;
    return grows ? middle : 0;
  }
}
