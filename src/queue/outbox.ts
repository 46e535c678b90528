/**
 * Verdicts on their way to the kernel: gathered in one buffer, sent in one call.
 *
 * @module
 */

import { OutgoingMessage } from "../../ffi/memory.ts";
import { setImmediate } from "../../ffi/turn.ts";
import {
  appendAttributes,
  appendMark,
  appendPayload,
  beginVerdict,
  beginVerdictBatch,
  MARK_SIZE,
  payloadLength,
  payloadSize,
  VERDICT_SIZE,
} from "../wire/nfqueue_verdict.ts";
import type { VerdictChanges } from "./decider.ts";
import type { QueueSocket } from "./socket.ts";
import { NO_MARK } from "./verdict.ts";

/** Room for the largest payload verdict, and below the kernel's usual send buffer (212992). */
const CAPACITY = 128 * 1024;
/** Pause before verdicts that could not be sent are tried again (ms). */
const RETRY = 10;
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
  #scheduled = false;
  #closed = false;

  constructor(socket: QueueSocket, queue: number) {
    this.#socket = socket;
    this.#queue = queue;
  }

  /** Adds the verdict of the oldest undecided packet. */
  addOldest(id: number, verdict: number, mark: number): void {
    if (verdict !== this.#runVerdict || mark !== this.#runMark) this.#endRun();
    // Before there is a run: a send that fails must leave nothing half done.
    if (this.#runLength === 0) this.#reserve(0);
    this.#runLength++;
    this.#runId = id;
    this.#runVerdict = verdict;
    this.#runMark = mark;
  }

  /** Adds the verdict of a packet that has undecided ones before it. */
  add(id: number, verdict: number, mark: number): void {
    this.#endRun();
    this.#reserve(PLAIN_SIZE);
    this.#write(beginVerdict, id, verdict, mark);
  }

  /** Adds a verdict that replaces the packet's payload, or changes more (`encodeVerdictChanges`). */
  addWithChanges(
    id: number,
    verdict: number,
    mark: number,
    { payload, attributes }: VerdictChanges,
  ): void {
    this.#endRun();
    const added = attributes === undefined ? 0 : attributes.length;
    const length = payload === undefined ? 0 : payloadSize(payloadLength(payload));
    this.#reserve(PLAIN_SIZE + added + length);
    const start = this.#end;
    this.#write(beginVerdict, id, verdict, mark);
    let end = this.#end;
    // It counts once it is whole: where something throws, no verdict without the changes is sent.
    this.#end = start;
    const { view, bytes } = this.#message;
    if (attributes !== undefined) end = appendAttributes(view, bytes, start, end, attributes);
    if (payload !== undefined) end = appendPayload(view, bytes, start, end, payload);
    this.#end = end;
  }

  /**
   * Sends what was gathered.
   *
   * @throws {SystemError} when the kernel does not take it; nothing is lost, it can be sent again
   */
  flush(): void {
    this.#endRun();
    if (this.#end === 0 || this.#closed) return;
    this.#socket.send(this.#message, this.#end);
    this.#end = 0;
  }

  /** Sends at the end of this turn of the event loop: verdicts given one by one leave together. */
  flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushNow);
  }

  /** Forgets what could not be sent. */
  close(): void {
    this.#closed = true;
  }

  /** Nobody is there to hear of a send that found no memory: it is tried again. */
  readonly #flushNow = (): void => {
    try {
      this.flush();
      this.#scheduled = false;
    } catch {
      setTimeout(this.#flushNow, RETRY);
    }
  };

  /** Room for a run's message is kept, so that ending a run never has to send first. */
  #reserve(size: number): void {
    if (this.#end + size + PLAIN_SIZE > CAPACITY) this.flush();
  }

  #endRun(): void {
    const length = this.#runLength;
    if (length === 0) return;
    this.#runLength = 0;
    const begin = length === 1 ? beginVerdict : beginVerdictBatch;
    this.#write(begin, this.#runId, this.#runVerdict, this.#runMark);
  }

  // The sequence number is the packet's id: an error answer then names its packet.
  #write(begin: typeof beginVerdict, id: number, verdict: number, mark: number): void {
    const { view } = this.#message;
    const start = this.#end;
    const end = begin(view, start, this.#queue, id, id, verdict);
    this.#end = mark === NO_MARK ? end : appendMark(view, start, end, mark);
  }
}
