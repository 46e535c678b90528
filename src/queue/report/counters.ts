/**
 * What a queue has done since it was opened.
 *
 * @module
 */

import { Verdict } from "../packet/verdict.ts";

/**
 * Numbers of packets, since the queue was opened. What a rule sent here is
 * `accepted + dropped + otherVerdicts + overruns + queueDropped + flushedByKernel + outstanding`,
 * at the latest after `close()`: each packet is in one of them. Two things cannot be known. An
 * ordinary user may not read the drops at the queue's limit: `queueDropped` stays 0. And of a batch of
 * verdicts that left while the kernel let some of its packets go, it tells only when none was left.
 * `undecided`, `expired`, `handlerErrors` and `truncatedMessages` are in `accepted`, `dropped` or
 * `otherVerdicts` too. The kernel's own table is `queueStatistics()`.
 */
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
  /** Packets whose verdict the kernel refused. */
  readonly verdictErrors: number;
  /** Packets that found the receive buffer full: dropped, or accepted with `failOpen`. */
  readonly overruns: number;
  /** Packets that found the queue full (`maxLength`), which dropped them. */
  readonly queueDropped: number;
  /** Packets received that the kernel let go before their verdict: a device or a chain went away. */
  readonly flushedByKernel: number;
  /** Messages that did not fit their slot; their packets got the verdict for errors. */
  readonly truncatedMessages: number;
  /** Messages that could not be read. */
  readonly malformedMessages: number;
  /**
   * Packets that were answered: by `reject`, `reset` or `answer`. They are in `dropped` too, or in
   * `otherVerdicts` where the kernel rejected them.
   */
  readonly answered: number;
  /** Packets that were dropped without an answer, because of `answersPerSecond`. */
  readonly answersLimited: number;
  /**
   * Packets that this library had sent itself and that a rule queued again. They were accepted, and are in
   * `accepted` too.
   */
  readonly ownAccepted: number;
  /** Packets received that have no verdict yet, or one that the kernel did not take. */
  readonly outstanding: number;
}

/** What a verdict counts as: accepted, dropped, something else. */
export type VerdictKind = 0 | 1 | 2;

/** The kind of a verdict. */
export function verdictKind(verdict: number): VerdictKind {
  if (verdict === Verdict.Accept || verdict === Verdict.Stop) return 0;
  return verdict === Verdict.Drop ? 1 : 2;
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
  queueDropped = 0;
  flushedByKernel = 0;
  truncatedMessages = 0;
  malformedMessages = 0;
  answered = 0;
  answersLimited = 0;
  ownAccepted = 0;

  /** Packets received that are the kernel's or the program's still. */
  get outstanding(): number {
    return this.received - this.accepted - this.dropped - this.otherVerdicts -
      this.flushedByKernel;
  }

  /** Counts verdicts; a negative number takes back what the kernel refused. */
  countVerdicts(kind: VerdictKind, packets: number): void {
    if (kind === 0) this.accepted += packets;
    else if (kind === 1) this.dropped += packets;
    else this.otherVerdicts += packets;
  }

  /** A copy that does not change any more. */
  snapshot(): QueueCounters {
    return { ...this, outstanding: this.outstanding };
  }
}
