/** Whether a consumer that lives through all phases grows. */

/** When memory should have found its level (s). */
const SETTLED = 60;
/** What the noise of garbage collectors may be (MiB): ten times less than the smallest leak that a soak of minutes is for. */
export const ALLOWED = 48;
/** The level is the median of so many samples. */
const WINDOW = 5;

export class MemoryWatch {
  readonly #samples: { readonly at: number; readonly mib: number }[] = [];
  readonly #begin = performance.now();

  add(mib: number): void {
    this.#samples.push({ at: (performance.now() - this.#begin) / 1000, mib });
  }

  /** MiB. */
  get start(): number {
    return this.#samples[0]?.mib ?? NaN;
  }

  /** MiB after the first minute; undefined where it did not take so long. */
  get settled(): number | undefined {
    const first = this.#samples.findIndex(({ at }) => at >= SETTLED);
    // With fewer samples behind it than in it, it would be compared with itself.
    if (first < 0 || this.#samples.length < first + 2 * WINDOW) return undefined;
    return level(this.#samples.slice(first, first + WINDOW));
  }

  get end(): number {
    return level(this.#samples.slice(-WINDOW));
  }

  get grew(): boolean {
    return this.settled !== undefined && this.end - this.settled > ALLOWED;
  }
}

function level(samples: readonly { readonly mib: number }[]): number {
  const sorted = samples.map(({ mib }) => mib).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
