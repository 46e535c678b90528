/**
 * Packets lost before the program saw them. Gaps in the ids tell of those that found the socket full,
 * once a later packet comes; the socket's own counter tells of the last ones; the kernel's table of
 * queues tells of those that found the queue full.
 *
 * @module
 */

import { ERRNO } from "../../linux/errno.ts";
import type { KernelQueue } from "../../nfqueue/kernel_queue.ts";
import { QUEUE_TABLE } from "../../nfqueue/queue_table.ts";
import type { Counters } from "../report/counters.ts";
import { OverrunEvent } from "../report/events.ts";
import type { Settings } from "../settings/options.ts";

/** How often the counters are read while packets flow, and how soon after the last one (ms). */
const INTERVAL = 1000;
/** So many packets in one receive mean load. */
const LOAD = 16;

/** What the watch needs of its queue. */
export interface LossLink {
  readonly counters: Counters;
  readonly kernel: Pick<KernelQueue, "drops" | "numbers">;
  /** Whether packets that find no room pass, and whether some may have. */
  readonly failOpen: () => { readonly now: boolean; readonly ever: boolean };
  /** Answers to changes of the queue that found no room. */
  readonly lostAnswers: () => number;
  /** The socket has been full. */
  readonly overrun: () => void;
  readonly report: (event: OverrunEvent) => void;
}

/** Counts what is lost, and tells of it. */
export class LossWatch {
  readonly #queue: number;
  readonly #insists: boolean;
  readonly #link: LossLink;
  #userDropped: number | undefined;
  /** Losses that the kernel's counters told of, and no gap in the ids has shown yet. */
  #ahead = 0;
  /** Packets have come since the last look. */
  #stale = false;
  /** There was load, so that the queue may have been full. */
  #pressed = false;
  #told = false;
  #due = 0;

  constructor({ number, reportOverruns }: Settings, link: LossLink) {
    this.#queue = number;
    this.#insists = reportOverruns;
    this.#link = link;
  }

  /** Takes a gap in the ids. */
  gap(packets: number): void {
    const known = Math.min(this.#ahead, packets);
    this.#ahead -= known;
    this.#lose(packets - known);
  }

  /** After each receive: under load looks once a second. */
  received(packets: number): void {
    this.#stale = true;
    if (packets < LOAD) return;
    this.#pressed = true;
    const now = performance.now();
    if (this.#due === 0) this.#due = now + INTERVAL;
    else if (now >= this.#due) this.look();
  }

  /** Milliseconds that a reader may wait before it has to look; Infinity when nothing came since. */
  get left(): number {
    return this.#stale ? INTERVAL : Infinity;
  }

  /** The kernel says that the socket was full. */
  interrupted(): void {
    this.#pressed = true;
    this.look();
  }

  /** The same for a reader that has waited: not more often than that either. */
  lookWhenDue(): void {
    if (this.#stale && performance.now() >= this.#due) this.look();
  }

  /** Reads the counters. */
  look(): void {
    this.#stale = false;
    this.#due = performance.now() + INTERVAL;
    const { counters, kernel } = this.#link;
    const drops = kernel.drops() - this.#link.lostAnswers();
    this.#lookAtQueue();
    // The socket's counter also has other answers that found no room. The queue's has none of those,
    // and none of the packets that passed with failOpen.
    const lost = this.#link.failOpen().ever ? drops : this.#userDropped ?? drops;
    const more = (lost - counters.overruns) | 0;
    if (more <= 0) return;
    this.#ahead += more;
    this.#lose(more);
  }

  #lookAtQueue(): void {
    const { counters, kernel, report } = this.#link;
    const { statistics, errno } = kernel.numbers();
    if (errno !== 0) {
      if (this.#told || !(this.#pressed || this.#insists)) return;
      this.#told = true;
      report(
        new OverrunEvent(
          { lost: 0 },
          `queue ${this.#queue} may have dropped packets at its limit: how many is unknown, since ` +
            `${QUEUE_TABLE} ${errno === ERRNO.EACCES ? "is root's to read" : "cannot be opened"}`,
        ),
      );
      return;
    }
    if (statistics === undefined) return;
    this.#userDropped = statistics.userDropped;
    const more = (statistics.queueDropped - counters.queueDropped) | 0;
    if (more <= 0) return;
    counters.queueDropped += more;
    report(
      new OverrunEvent(
        { lost: 0, queueDropped: counters.queueDropped, userDropped: statistics.userDropped },
        `queue ${this.#queue} was full (maxLength) and dropped ${more} packets: a quicker handler, a ` +
          "larger maxLength, or concurrency for handlers that wait, helps; failOpen lets them pass",
      ),
    );
  }

  #lose(packets: number): void {
    if (packets <= 0) return;
    const { counters, overrun, report } = this.#link;
    overrun();
    counters.overruns += packets;
    const fate = this.#link.failOpen().now ? "accepted unseen (failOpen)" : "dropped";
    report(
      new OverrunEvent(
        { lost: packets, queueDropped: this.#known(), userDropped: this.#userDropped },
        `the receive buffer of queue ${this.#queue} was full: ${packets} packets were ${fate}; ` +
          "a larger receiveBuffer, a smaller copyRange or a quicker handler helps",
      ),
    );
  }

  /** Drops at the queue's limit, where they can be known. */
  #known(): number | undefined {
    return this.#userDropped === undefined ? undefined : this.#link.counters.queueDropped;
  }
}
