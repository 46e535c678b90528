/**
 * Stretches of numbers.
 *
 * @module
 */

/** From the first number up to, and without, the second. */
export type Range = readonly [from: number, to: number];

/** Ranges in order, none of which touch. */
export class Ranges {
  #list: Range[] = [];

  /** In order. */
  get list(): readonly Range[] {
    return this.#list;
  }

  /** Adds one, together with those that it touches. */
  add(from: number, to: number): void {
    if (to <= from) return;
    const before = this.#list.filter((range) => range[1] < from);
    const after = this.#list.filter((range) => range[0] > to);
    const inside = this.#list.slice(before.length, this.#list.length - after.length);
    const first = Math.min(from, inside[0]?.[0] ?? from);
    const last = Math.max(to, inside.at(-1)?.[1] ?? to);
    this.#list = [...before, [first, last], ...after];
  }

  /** The range that holds a number. */
  at(number: number): Range | undefined {
    return this.#list.find(([from, to]) => from <= number && number < to);
  }

  /** The first range that begins behind a number. */
  behind(number: number): Range | undefined {
    return this.#list.find(([from]) => from > number);
  }

  /** Forgets all. */
  clear(): void {
    this.#list = [];
  }
}
