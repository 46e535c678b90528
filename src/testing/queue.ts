/**
 * One queue of a stand-in kernel: `struct nfqnl_instance` of net/netfilter/nfnetlink_queue.c.
 *
 * @module
 */

import { ERRNO } from "../linux/errno.ts";
import type { QueueStatistics } from "../nfqueue/queue_table.ts";
import type { QueueConfig } from "../netlink/queue/config.ts";
import { MAX_COPY_RANGE, NF_VERDICT, NFQA_CFG_F, NFQNL_COPY } from "../netlink/queue/numbers.ts";
import type { QueueVerdict, QueueVerdictBatch } from "../netlink/queue/verdict.ts";
import { type Cause, isTaken, type Passage } from "./passage.ts";

const DEFAULT_MAX_LENGTH = 1024;
const MODES: Readonly<Record<string, number>> = { none: 0, meta: 1, packet: 2 };

/** What a queue needs of its kernel. */
export interface QueueLink {
  /** Gives the owner's socket a datagram; false when it is full. */
  readonly deliver: (message: Uint8Array) => boolean;
  /** A packet goes on: nf_reinject. */
  readonly goOn: (passage: Passage, verdict: number, cause: Cause) => void;
  /** The queue ends. */
  readonly unbind: () => void;
}

/** Packets that wait, oldest first, and what the owner has set. */
export class StandInQueue {
  readonly number: number;
  readonly portId: number;
  readonly #link: QueueLink;
  readonly #waiting = new Map<number, Passage>();
  /** Those that the last verdict let go. */
  #gone: ReadonlyMap<number, Passage> = new Map();
  #maxLength = DEFAULT_MAX_LENGTH;
  #copyMode: number = NFQNL_COPY.NONE;
  #copyRange = 0;
  #flags = 0;
  #id: number;
  #queueDropped = 0;
  #userDropped = 0;

  /** @param lastId the id before the first packet's */
  constructor(
    { number, portId, lastId }: {
      readonly number: number;
      readonly portId: number;
      readonly lastId: number;
    },
    link: QueueLink,
  ) {
    this.number = number;
    this.portId = portId;
    this.#id = lastId;
    this.#link = link;
  }

  /** Ids of the packets that wait, oldest first. */
  get waiting(): readonly number[] {
    return [...this.#waiting.keys()];
  }

  /** The queue's line in /proc/net/netfilter/nfnetlink_queue. */
  get statistics(): QueueStatistics {
    return {
      queue: this.number,
      portId: this.portId,
      length: this.#waiting.size,
      copyMode: this.#copyMode,
      copyRange: this.#copyRange,
      queueDropped: this.#queueDropped,
      userDropped: this.#userDropped,
      idSequence: this.#id,
    };
  }

  /** A packet that waits, or was the last one to go on: the program may send something beside it. */
  passage(id: number): Passage | undefined {
    return this.#waiting.get(id) ?? this.#gone.get(id);
  }

  /** nfqnl_enqueue_packet. */
  add(passage: Passage): void {
    const { deliver, goOn } = this.#link;
    if (this.#copyMode === NFQNL_COPY.NONE) return goOn(passage, NF_VERDICT.DROP, "copy mode");
    const failOpen = (this.#flags & NFQA_CFG_F.FAIL_OPEN) !== 0;
    const refused = failOpen ? NF_VERDICT.ACCEPT : NF_VERDICT.DROP;
    if (this.#waiting.size >= this.#maxLength) {
      if (!failOpen) this.#queueDropped++;
      return goOn(passage, refused, "queue full");
    }
    this.#id = (this.#id + 1) >>> 0;
    passage.id = this.#id;
    const message = passage.message({
      ...{ number: this.number, id: this.#id },
      ...{ copyMode: this.#copyMode, copyRange: this.#copyRange, flags: this.#flags },
    });
    if (!deliver(message)) {
      if (!failOpen) this.#userDropped++;
      return goOn(passage, refused, "socket full");
    }
    this.#waiting.set(this.#id, passage);
  }

  /** nfqnl_recv_config, of a queue that is bound. */
  configure(
    { command, copyMode, copyRange = 0, maxLength, flags = 0, mask = 0 }: QueueConfig,
  ): number {
    // Linux 3.8 and later ignore what binds a family.
    if (command === "pf_bind" || command === "pf_unbind") return 0;
    if (flags >= NFQA_CFG_F.MAX) return EOPNOTSUPP;
    if (command === "bind") return ERRNO.EBUSY;
    if (command === "unbind") {
      this.#link.unbind();
      return 0;
    }
    if (command !== undefined) return EOPNOTSUPP;
    if (copyMode !== undefined) {
      const mode = typeof copyMode === "number" ? copyMode : MODES[copyMode]!;
      this.#copyMode = mode;
      const most = copyRange === 0 ? MAX_COPY_RANGE : Math.min(copyRange, MAX_COPY_RANGE);
      this.#copyRange = mode === NFQNL_COPY.PACKET ? most : 0;
    }
    if (maxLength !== undefined) this.#maxLength = maxLength;
    this.#flags = (this.#flags & ~mask) | (flags & mask);
    return 0;
  }

  /** nfqnl_recv_verdict. @returns 0, or the errno */
  decide({ id, verdict, mark, payload, ...rest }: QueueVerdict): number {
    if (!isTaken(verdict)) return ERRNO.EINVAL;
    const passage = this.#waiting.get(id);
    if (passage === undefined) return ERRNO.ENOENT;
    this.#waiting.delete(id);
    this.#remember([passage]);
    const { queue: _queue, sequence: _sequence, ...changes } = rest;
    if (payload !== undefined) passage.payload = payload.slice();
    if (mark !== undefined) passage.mark = mark;
    passage.changes = { ...passage.changes, ...changes };
    this.#link.goOn(passage, verdict, "verdict");
    return 0;
  }

  /** nfqnl_recv_verdict_batch: every id that is not after this one, as a signed difference. */
  decideUpTo({ id: last, verdict, mark }: QueueVerdictBatch): number {
    if (!isTaken(verdict)) return ERRNO.EINVAL;
    const batch: Passage[] = [];
    for (const [id, passage] of this.#waiting) {
      if (((id - last) | 0) > 0) break;
      this.#waiting.delete(id);
      batch.push(passage);
    }
    if (batch.length === 0) return ERRNO.ENOENT;
    this.#remember(batch);
    for (const passage of batch) {
      if (mark !== undefined) passage.mark = mark;
      this.#link.goOn(passage, verdict, "verdict");
    }
    return 0;
  }

  #remember(passages: readonly Passage[]): void {
    this.#gone = new Map(passages.map((passage) => [passage.id, passage]));
  }

  /** nfqnl_flush: drops those that wait, and for which this holds. */
  flush(cause: Cause, concerns: (passage: Passage) => boolean = () => true): void {
    for (const [id, passage] of [...this.#waiting]) {
      if (!concerns(passage)) continue;
      this.#waiting.delete(id);
      this.#link.goOn(passage, NF_VERDICT.DROP, cause);
    }
  }
}

const EOPNOTSUPP = 95;
