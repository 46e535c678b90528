/**
 * Room for the kernel's answers to verdicts: they come by the socket of the packets.
 *
 * @module
 */

import type { Intake } from "./intake.ts";
import type { KernelQueue } from "../../nfqueue/kernel_queue.ts";

/** Batches received at most before verdicts that may be refused are sent. */
const MOST = 32;

/** Receives, behind the readers' backs, what takes the room. */
export class AnswerRoom {
  /** Datagrams received that no reader has heard of. */
  taken = 0;
  /** Called when there are any. */
  onTaken: (() => void) | undefined;

  readonly #kernel: KernelQueue;
  readonly #intake: () => Intake;
  #making = false;

  /** @param intake what receives; asked for later, because it needs the outbox, which needs this */
  constructor(kernel: KernelQueue, intake: () => Intake) {
    this.#kernel = kernel;
    this.#intake = intake;
  }

  /** Makes room where there is little; so many answers then find it. */
  make(): number {
    const { answers, crowded } = this.#kernel.answerRoom();
    // What is received may be decided at once, and sent.
    if (!crowded || this.#making) return answers;
    this.#making = true;
    try {
      this.#receive();
    } finally {
      this.#making = false;
    }
    return answers;
  }

  #receive(): void {
    for (let turn = 0; turn < MOST; turn++) {
      const count = this.#intake().receive(undefined, Infinity);
      if (count <= 0) break;
      this.taken += count;
    }
    if (this.taken > 0) this.onTaken?.();
  }
}
