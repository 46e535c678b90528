/**
 * Verdicts on their way to the kernel: gathered in one buffer, sent in one call.
 *
 * @module
 */

import { OutgoingMessage } from "../../ffi/memory.ts";
import {
  appendMark,
  appendPayload,
  beginVerdict,
  beginVerdictBatch,
  MARK_SIZE,
  payloadSize,
  VERDICT_SIZE,
} from "../wire/nfqueue_verdict.ts";
import type { QueueSocket } from "./socket.ts";
import { NO_MARK } from "./verdict.ts";

/** Room for the largest payload verdict, and below the kernel's usual send buffer (212992). */
const CAPACITY = 128 * 1024;
const PLAIN_SIZE = VERDICT_SIZE + MARK_SIZE;

/**
 * Gathers verdicts, in the order in which they are given: it is the order in which the packets go on.
 *
 * Equal verdicts of the oldest undecided packets, one after the other, form a run that leaves as one
 * batch message ("every id up to this one"). Every other verdict ends the run and is a message of
 * its own. All ids below a run's last one are decided: in the run, or by messages before it.
 */
export class Outbox {
  readonly #socket: QueueSocket;
  readonly #queue: number;
  readonly #message = new OutgoingMessage(CAPACITY);
  #end = 0;
  #runLength = 0;
  #runId = 0;
  #runVerdict = 0;
  #runMark = NO_MARK;

  constructor(socket: QueueSocket, queue: number) {
    this.#socket = socket;
    this.#queue = queue;
  }

  /** Whether nothing waits to be sent. */
  get empty(): boolean {
    return this.#end === 0 && this.#runLength === 0;
  }

  /** Adds the verdict of the oldest undecided packet. */
  addOldest(id: number, verdict: number, mark: number): void {
    if (verdict !== this.#runVerdict || mark !== this.#runMark) this.#endRun();
    this.#runLength++;
    this.#runId = id;
    this.#runVerdict = verdict;
    this.#runMark = mark;
  }

  /** Adds the verdict of a packet that has undecided ones before it. */
  add(id: number, verdict: number, mark: number): void {
    this.#endRun();
    this.#reserve(PLAIN_SIZE);
    this.#write(id, verdict, mark);
  }

  /** Adds a verdict that replaces the packet's payload. */
  addWithPayload(
    id: number,
    verdict: number,
    { mark, payload }: { mark: number; payload: Uint8Array },
  ): void {
    this.#endRun();
    this.#reserve(PLAIN_SIZE + payloadSize(payload.length));
    const start = this.#end;
    this.#write(id, verdict, mark);
    const { view, bytes } = this.#message;
    this.#end = appendPayload(view, bytes, start, this.#end, payload);
  }

  /**
   * Sends what was gathered.
   *
   * @throws {SystemError} when the kernel does not take it; nothing is lost, it can be sent again
   */
  flush(): void {
    this.#endRun();
    if (this.#end === 0) return;
    this.#socket.send(this.#message, this.#end);
    this.#end = 0;
  }

  /** Room for a run's message is kept, so that ending a run never has to send first. */
  #reserve(size: number): void {
    if (this.#end + size + PLAIN_SIZE > CAPACITY) this.flush();
  }

  #endRun(): void {
    const length = this.#runLength;
    if (length === 0) return;
    this.#runLength = 0;
    if (length === 1) this.#write(this.#runId, this.#runVerdict, this.#runMark);
    else this.#writeBatch();
    this.#reserve(0);
  }

  // The sequence number is the packet's id: an error answer then names its packet.
  #write(id: number, verdict: number, mark: number): void {
    const { view } = this.#message;
    const start = this.#end;
    const end = beginVerdict(view, start, this.#queue, id, id, verdict);
    this.#end = mark === NO_MARK ? end : appendMark(view, start, end, mark);
  }

  #writeBatch(): void {
    const { view } = this.#message;
    const start = this.#end;
    const id = this.#runId;
    const end = beginVerdictBatch(view, start, this.#queue, id, id, this.#runVerdict);
    this.#end = this.#runMark === NO_MARK ? end : appendMark(view, start, end, this.#runMark);
  }
}
