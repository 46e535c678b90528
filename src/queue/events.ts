/**
 * What a queue reports while it runs, as DOM events.
 *
 * @module
 */

import type { SystemError } from "../../ffi/errno.ts";
import type { Verdict } from "./verdict.ts";

/**
 * `"verdicterror"`: the kernel refused a verdict. ENOENT means that it had already let the packet
 * go (an interface went down, the queue was flushed).
 */
export class VerdictErrorEvent extends Event {
  /** The packet's id; for a batch, the last id in it. */
  readonly packetId: number;
  /** Why: its `code` is the kernel's errno. */
  readonly error: SystemError;

  constructor(packetId: number, error: SystemError) {
    super("verdicterror");
    this.packetId = packetId;
    this.error = error;
  }
}

/**
 * `"overrun"`: packets never reached the program, because a buffer was full. They were dropped, or
 * accepted with `failOpen`.
 */
export class OverrunEvent extends Event {
  /** Packets that found the receive buffer full since the last event (gaps in the ids). */
  readonly lost: number;
  /** Packets that found the queue full (`maxLength`), in all; only with `reportOverruns`. */
  readonly queueDropped: number | undefined;
  /** Packets that found the receive buffer full, in all; only with `reportOverruns`. */
  readonly userDropped: number | undefined;

  constructor(lost: number, counters?: { queueDropped: number; userDropped: number }) {
    super("overrun");
    this.lost = lost;
    this.queueDropped = counters?.queueDropped;
    this.userDropped = counters?.userDropped;
  }
}

/** Why the queue decided instead of the handler. */
export type UndecidedCause =
  /** The handler, or one turn of `for await`, ended without a verdict. */
  | "handler"
  /** The handler threw or rejected. */
  | "error"
  /** `deadline` passed. */
  | "deadline"
  /** The queue was closed. */
  | "close"
  /** The kernel's message did not fit its slot, so the packet could not be shown. */
  | "cut";

/** `"undecided"`: a packet got a verdict from the queue, not from the handler. */
export class UndecidedEvent extends Event {
  /** The packet's id. */
  readonly packetId: number;
  /** What it got. */
  readonly verdict: Verdict;
  /** Why the handler did not decide. */
  readonly cause: UndecidedCause;

  /** What the handler threw, with the cause "error". */
  readonly error: unknown;

  constructor(
    packetId: number,
    { verdict, cause, error }: { verdict: Verdict; cause: UndecidedCause; error?: unknown },
  ) {
    super("undecided");
    this.packetId = packetId;
    this.verdict = verdict;
    this.cause = cause;
    this.error = error;
  }
}

/**
 * `"idle"`: a reader has waited three seconds and the queue has never seen a packet. Most likely no
 * rule in this network namespace sends any here. Once a queue.
 */
export class IdleEvent extends Event {
  /** A sentence for people: what is missing, with the rule to add. */
  readonly message: string;

  constructor(queue: number) {
    super("idle");
    this.message = `queue ${queue} has seen no packet yet: a rule in this network namespace must ` +
      `send it some, for example: iptables -I INPUT -j NFQUEUE --queue-num ${queue} --queue-bypass`;
  }
}

/** Event classes by type. */
export interface PacketQueueEventMap {
  readonly verdicterror: VerdictErrorEvent;
  readonly overrun: OverrunEvent;
  readonly undecided: UndecidedEvent;
  readonly idle: IdleEvent;
}
