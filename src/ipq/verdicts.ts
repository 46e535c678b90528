/**
 * Verdicts on their way to the kernel.
 *
 * While packets that were received with this one still wait to be read, its verdict waits for theirs,
 * and they leave in one call: sending is most of what a packet costs. The last of them sends them all.
 *
 * @module
 */

import { OutgoingMessage } from "../../ffi/memory.ts";
import type { NetlinkSocket } from "../../ffi/netlink_socket.ts";
import { MAX_COPY_RANGE } from "../wire/nfqueue.ts";
import { appendPayload, beginVerdict, payloadSize, VERDICT_SIZE } from "../wire/nfqueue_verdict.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";

/** Verdicts that leave together at most. */
const MOST = 16;
/** The first of them waits no longer (ms), as long as the program calls us at all. */
const PATIENCE = 0.1;
const CAPACITY = Math.max(MOST * VERDICT_SIZE, VERDICT_SIZE + payloadSize(MAX_COPY_RANGE));
/** Where a verdict message has its sequence number and its id. */
const SEQUENCE = 8;
const ID = 28;

/** Gathers and sends, in the order in which they are given. */
export class Verdicts {
  readonly #socket: NetlinkSocket;
  readonly #queue: number;
  readonly #unsent: (sequence: number, id: number) => void;
  readonly #message = new OutgoingMessage(CAPACITY);
  #count = 0;
  /** When the first one came. */
  #since = 0;
  #scheduled = false;

  /** @param unsent hears of every gathered verdict that could not be sent */
  constructor(
    socket: NetlinkSocket,
    { queue, unsent }: {
      readonly queue: number;
      readonly unsent: (sequence: number, id: number) => void;
    },
  ) {
    this.#socket = socket;
    this.#queue = queue;
    this.#unsent = unsent;
  }

  /**
   * Takes a verdict.
   *
   * @returns whether it is time to send
   */
  add(sequence: number, id: number, verdict: number): boolean {
    const { view } = this.#message;
    beginVerdict(view, this.#count * VERDICT_SIZE, this.#queue, sequence, id, verdict);
    return ++this.#count >= MOST || this.#isLate();
  }

  /**
   * Sends a verdict that replaces the packet, and before it those that wait.
   *
   * @throws {IpqError} code 12
   */
  sendWithPayload(
    sequence: number,
    id: number,
    { verdict, payload }: { readonly verdict: number; readonly payload: Uint8Array },
  ): void {
    this.flush();
    const { view, bytes } = this.#message;
    const end = beginVerdict(view, 0, this.#queue, sequence, id, verdict);
    this.#send(appendPayload(view, bytes, 0, end, payload));
  }

  /**
   * Sends what waits.
   *
   * @throws {IpqError} code 12
   */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    try {
      this.#send(count * VERDICT_SIZE);
    } catch (error) {
      const { view } = this.#message;
      for (let at = 0; at < count * VERDICT_SIZE; at += VERDICT_SIZE) {
        this.#unsent(view.getUint32(at + SEQUENCE, true), view.getUint32(at + ID, false));
      }
      throw error;
    }
  }

  #send(length: number): void {
    const errno = this.#socket.send(this.#message, length);
    if (errno !== 0) throw new IpqError(IPQ_ERROR.SEND, { errno });
  }

  /** The clock costs something: it is read for the first one, and for the second, fourth, eighth. */
  #isLate(): boolean {
    const count = this.#count;
    if (count === 1) {
      this.#since = performance.now();
      this.#flushSoon();
    } else if ((count & (count - 1)) === 0) return performance.now() - this.#since > PATIENCE;
    return false;
  }

  /** For a program that goes on to something else. */
  #flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushNow);
  }

  readonly #flushNow = (): void => {
    this.#scheduled = false;
    try {
      this.flush();
    } catch {
      // Nobody is there to hear of it: the packets are undecided again, and a later verdict fails.
    }
  };
}
