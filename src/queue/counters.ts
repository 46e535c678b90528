/**
 * What a queue has done since it was opened.
 *
 * @module
 */

import { Verdict } from "./verdict.ts";

/** Numbers of packets, since the queue was opened. */
export interface QueueCounters {
  /** Packets received. */
  readonly received: number;
  /** Verdicts Accept and Stop. */
  readonly accepted: number;
  /** Verdicts Drop. */
  readonly dropped: number;
  /** Verdicts Repeat and requeues. */
  readonly otherVerdicts: number;
  /** Packets that a handler left without a verdict. */
  readonly undecided: number;
  /** Packets whose deadline passed. */
  readonly expired: number;
  /** Handlers that threw or rejected. */
  readonly handlerErrors: number;
  /** Verdicts that the kernel refused. */
  readonly verdictErrors: number;
  /** Packets that found the receive buffer full: dropped, or accepted with `failOpen`. */
  readonly overruns: number;
  /** Messages that did not fit their slot; their packets got the verdict for errors. */
  readonly truncatedMessages: number;
  /** Messages that could not be read. */
  readonly malformedMessages: number;
  /** Packets received that have no verdict yet. */
  readonly outstanding: number;
}

/** The counters as the engine counts them. */
export class Counters {
  received = 0;
  accepted = 0;
  dropped = 0;
  otherVerdicts = 0;
  undecided = 0;
  expired = 0;
  handlerErrors = 0;
  verdictErrors = 0;
  overruns = 0;
  truncatedMessages = 0;
  malformedMessages = 0;

  /** Packets that have their verdict. */
  get decided(): number {
    return this.accepted + this.dropped + this.otherVerdicts;
  }

  /** Counts one verdict. */
  countVerdict(verdict: number): void {
    if (verdict === Verdict.Accept || verdict === Verdict.Stop) this.accepted++;
    else if (verdict === Verdict.Drop) this.dropped++;
    else this.otherVerdicts++;
  }

  /** A copy that does not change any more. */
  snapshot(): QueueCounters {
    return { ...this, outstanding: this.received - this.decided };
  }
}
