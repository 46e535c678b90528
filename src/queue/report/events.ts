/**
 * What a queue reports while it runs, as DOM events. Each has a `message`, a sentence for people.
 *
 * @module
 */

import type { SystemError } from "../../linux/errno.ts";
import type { UndecidedCause } from "../packet/ending.ts";
import { type Verdict, verdictName } from "../packet/verdict.ts";

/**
 * `"verdicterror"`: the kernel refused a verdict. ENOENT means that it had already let the packet
 * go (an interface went down, a chain was removed); EPERM that the process has lost CAP_NET_ADMIN.
 */
export class VerdictErrorEvent extends Event {
  /** The packet's id; for a batch, the last id in it. */
  readonly packetId: number;
  /** Why: its `code` is the kernel's errno. */
  readonly error: SystemError;
  /** Packets whose verdict was refused, 1 or more. */
  readonly packets: number;
  /** A sentence for people. */
  readonly message: string;

  /** @ignore Events come from a queue. */
  constructor(
    packetId: number,
    { error, packets }: { readonly error: SystemError; readonly packets: number },
  ) {
    super("verdicterror");
    this.packetId = packetId;
    this.error = error;
    this.packets = packets;
    const subject = packets === 1 ? `packet ${packetId}` : `${packets} packets up to ${packetId}`;
    this.message = `the verdict of ${subject} was refused: ${error.message}`;
  }
}

/**
 * `"overrun"`: packets never reached the program, because a buffer was full. They were dropped, or
 * accepted with `failOpen`. Also, once: that the drops at the queue's limit cannot be known.
 */
export class OverrunEvent extends Event {
  /** Packets that found the receive buffer full since the last event. */
  readonly lost: number;
  /** Packets that found the queue full (`maxLength`), in all; undefined where that is not known. */
  readonly queueDropped: number | undefined;
  /**
   * Packets that found the receive buffer full, in all, as the kernel counts them; undefined where
   * that is not known.
   */
  readonly userDropped: number | undefined;
  /** A sentence for people. */
  readonly message: string;

  /** @ignore Events come from a queue. */
  constructor(
    { lost, queueDropped, userDropped }: {
      readonly lost: number;
      readonly queueDropped?: number | undefined;
      readonly userDropped?: number | undefined;
    },
    message: string,
  ) {
    super("overrun");
    this.lost = lost;
    this.queueDropped = queueDropped;
    this.userDropped = userDropped;
    this.message = message;
  }
}

const CAUSES: Readonly<Record<UndecidedCause, string>> = {
  handler:
    "it was left without one: return a verdict from the handler, or call accept(), drop() or " +
    "hold()",
  error: "its handler failed",
  deadline: "its deadline passed",
  close: "the queue was closed",
  cut: "the kernel's message was too long to be read",
};

/** What was thrown, in brackets. It may be anything, and itself throw when it is looked at. */
function saidBy(error: unknown): string {
  if (error === undefined) return "";
  try {
    return ` (${error instanceof Error ? `${error.name}: ${error.message}` : String(error)})`;
  } catch {
    return "";
  }
}

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

  /** @ignore Events come from a queue. */
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

  /** A sentence for people. */
  get message(): string {
    const { packetId, verdict, cause, error } = this;
    return `packet ${packetId} got the verdict ${verdictName(verdict)} from the queue: ` +
      `${CAUSES[cause]}${saidBy(error)}`;
  }
}

/**
 * `"idle"`: a reader has waited three seconds and the queue has never seen a packet. Most likely no
 * rule in this network namespace sends any here. Once a queue.
 */
export class IdleEvent extends Event {
  /** A sentence for people: what is missing, with the rule to add. */
  readonly message: string;

  /** @ignore Events come from a queue. */
  constructor(queue: number) {
    super("idle");
    this.message = `queue ${queue} has seen no packet yet: a rule in this network namespace must ` +
      `send it some, for example: iptables -I INPUT -j NFQUEUE --queue-num ${queue} --queue-bypass`;
  }
}

/**
 * `"exhausted"`: for two seconds a reader has taken no packet, because the program holds as many
 * undecided ones as it may (`concurrency`). Once each time that happens.
 */
export class ExhaustedEvent extends Event {
  /** Packets that the program holds. */
  readonly held: number;
  /** How long it has held all of them, in milliseconds. */
  readonly milliseconds: number;
  /** A sentence for people. */
  readonly message: string;

  /** @ignore Events come from a queue. */
  constructor(
    queue: number,
    { held, milliseconds }: { readonly held: number; readonly milliseconds: number },
  ) {
    super("exhausted");
    this.held = held;
    this.milliseconds = milliseconds;
    this.message =
      `queue ${queue} has taken no packet for ${milliseconds / 1000} seconds: ${held} ` +
      "are under way, which is all that concurrency allows. A handler may be waiting for traffic of " +
      "its own through this queue; a deadline decides packets that take too long";
  }
}

/** Event classes by type. */
export interface PacketQueueEventMap {
  /** The kernel refused a verdict. */
  readonly verdicterror: VerdictErrorEvent;
  /** Packets found the queue or its receive buffer full. */
  readonly overrun: OverrunEvent;
  /** A packet got its verdict from the queue, not from the handler. */
  readonly undecided: UndecidedEvent;
  /** No packet has ever come. */
  readonly idle: IdleEvent;
  /** The program holds as many packets as it may. */
  readonly exhausted: ExhaustedEvent;
}

/** Whatever a queue reports. */
export type QueueEvent = PacketQueueEventMap[keyof PacketQueueEventMap];
