/**
 * A limit a second.
 *
 * @module
 */

/** Gives so many tokens a second, and a second's worth at once after a rest. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #clock: () => number;
  #tokens: number;
  #looked: number;

  /**
   * @param perSecond at least 1
   * @param clock milliseconds
   */
  constructor(perSecond: number, clock: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = perSecond;
    this.#looked = clock();
  }

  /** Takes one; false when none is left. */
  take(): boolean {
    const now = this.#clock();
    const fresh = (now - this.#looked) / 1000 * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + fresh);
    this.#looked = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
