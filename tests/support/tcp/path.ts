/**
 * A way from one place to another that loses, doubles, delays and swaps packets, as a seed says.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { Frame } from "./endpoint.ts";
import type { Random } from "./random.ts";
import { split } from "./split.ts";

/** How bad a way is. Probabilities are of one packet. */
export interface Faults {
  readonly loss: number;
  readonly doubles: number;
  /** A packet that is delayed by more than others, and so overtaken. */
  readonly swaps: number;
  /** Milliseconds. */
  readonly delay: number;
  /** How likely a packet of several segments is cut into these. */
  readonly splits: number;
}

/** What is wrong with nothing. */
export const PERFECT: Faults = { loss: 0, doubles: 0, swaps: 0, delay: 5, splits: 0 };

/** One direction of one way. */
export class Path {
  /** Packets that went in. */
  packets = 0;
  readonly #faults: Faults;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #arrive: (frame: Frame) => void;

  constructor(faults: Faults, { clock, random, arrive }: {
    readonly clock: Clock;
    readonly random: Random;
    readonly arrive: (frame: Frame) => void;
  }) {
    this.#faults = faults;
    this.#clock = clock;
    this.#random = random;
    this.#arrive = arrive;
  }

  /** Sends a packet. */
  send(frame: Frame): void {
    const { splits } = this.#faults;
    const cut = frame.gso > 0 && this.#random.chance(splits);
    const frames = cut ? split(frame) : [frame];
    for (const one of frames) this.#sendOne(one);
  }

  #sendOne(frame: Frame): void {
    const { loss, doubles, swaps, delay } = this.#faults;
    const random = this.#random;
    this.packets++;
    if (random.chance(loss)) return;
    const copies = random.chance(doubles) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = random.chance(swaps) ? random.integer(1, 6) * delay / 2 : 0;
      const again = copy === 0 ? 0 : random.integer(0, 3) * delay;
      this.#clock.after(delay + late + again, () => this.#arrive(frame));
    }
  }
}
