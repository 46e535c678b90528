/**
 * Verdicts on their way to the kernel.
 *
 * Sending is most of what a packet costs. So while a program decides packet after packet without a
 * pause, and packets that were received with this one still wait to be read, its verdict waits for
 * theirs, and they leave in one call.
 *
 * @module
 */

import { OutgoingMessage } from "../../ffi/memory.ts";
import { DelayedFlush } from "../nfqueue/delayed_flush.ts";
import type { QueueSocket } from "../nfqueue/socket.ts";
import { MAX_COPY_RANGE } from "../netlink/queue/numbers.ts";
import {
  appendPayload,
  beginVerdict,
  payloadSize,
  VERDICT_SIZE,
} from "../netlink/queue/verdict.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";
import { SentVerdicts } from "./sent_verdicts.ts";

/** Verdicts that leave together at most. */
const MOST = 16;
/** A longer time between two verdicts is a pause; none waits longer while the program calls us (ms). */
const PAUSE = 0.1;
/** Verdicts without a pause before the first one waits. */
const PROBATION = 32;
const CAPACITY = Math.max(MOST * VERDICT_SIZE, VERDICT_SIZE + payloadSize(MAX_COPY_RANGE));

/** Gathers and sends, in the order in which they are given. */
export class Verdicts {
  readonly #socket: QueueSocket;
  readonly #delayed = new DelayedFlush(() => this.flush());
  readonly #message = new OutgoingMessage(CAPACITY);
  /** Those that left together. */
  readonly sent: SentVerdicts = new SentVerdicts();
  #count = 0;
  /** When the last verdict came, and how many came before it without a pause. */
  #last = 0;
  #streak = 0;
  /** When the oldest one that waits came. */
  #since = 0;

  constructor(socket: QueueSocket) {
    this.#socket = socket;
  }

  /**
   * Takes a verdict; sends it at once, and those before it, unless it may wait.
   *
   * @param sequence what the kernel's error answer will carry
   * @param wait packets that were received with this one are still to be read
   * @throws {IpqError} code 12; this verdict is not taken then, those before it wait on
   */
  add(
    { sequence, id, verdict }: {
      readonly sequence: number;
      readonly id: number;
      readonly verdict: number;
    },
    wait: boolean,
  ): void {
    if (this.#count === MOST) this.flush();
    const { view } = this.#message;
    beginVerdict(view, this.#count * VERDICT_SIZE, this.#socket.number, sequence, id, verdict);
    this.#count++;
    if (wait && this.#count < MOST && this.#mayWait()) return;
    try {
      this.flush();
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  /**
   * Sends a verdict that replaces the packet, and before it those that wait.
   *
   * @throws {IpqError} code 12
   */
  addWithPayload(
    sequence: number,
    id: number,
    { verdict, payload }: { readonly verdict: number; readonly payload: Uint8Array },
  ): void {
    this.flush();
    const { view, bytes } = this.#message;
    const end = beginVerdict(view, 0, this.#socket.number, sequence, id, verdict);
    this.#send(appendPayload(view, bytes, 0, end, payload));
  }

  /**
   * Sends what waits.
   *
   * @throws {IpqError} code 12; it goes on waiting
   */
  flush(): void {
    if (this.#count === 0) return;
    this.#send(this.#count * VERDICT_SIZE);
    if (this.#count > 1) this.sent.add(this.#message.bytes, this.#count);
    this.#count = 0;
  }

  /** The same where nobody could be told: what cannot be sent now is tried again soon. */
  tryFlush(): void {
    this.#delayed.now();
  }

  /** Sends what can be sent, and forgets the rest. */
  close(): void {
    this.#delayed.cancel();
    try {
      this.flush();
    } catch {
      // The kernel drops the packets with the queue.
    }
    this.#count = 0;
  }

  #send(length: number): void {
    const errno = this.#socket.send(this.#message, length);
    if (errno !== 0) throw new IpqError(IPQ_ERROR.SEND, { errno });
  }

  /** Only in a loop that has shown that it makes no pauses, and not for long. */
  #mayWait(): boolean {
    const now = performance.now();
    this.#streak = now - this.#last < PAUSE ? this.#streak + 1 : 0;
    this.#last = now;
    if (this.#streak < PROBATION) return false;
    if (this.#count > 1) return now - this.#since < PAUSE;
    this.#since = now;
    // For a program that goes on to something else.
    this.#delayed.soon();
    return true;
  }
}
