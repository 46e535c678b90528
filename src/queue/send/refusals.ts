/**
 * What the kernel answers to verdicts: nothing, or why it does not take one.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../linux/errno.ts";
import type { NetlinkAnswer } from "../../netlink/message.ts";
import { NO_MARK } from "../packet/verdict.ts";
import { type Counters, verdictKind } from "../report/counters.ts";
import { VerdictErrorEvent } from "../report/events.ts";
import type { Outbox } from "./outbox.ts";
import { readTag, type SentKind, sentOnly, type SentPackets, SWEPT } from "./tags.ts";
import type { Verdict } from "../packet/verdict.ts";

/** Pause before packets whose verdict was refused get one again (ms). */
const RETRY = 100;

const ADVICE: Readonly<Record<number, string>> = {
  [ERRNO.ENOENT]:
    "The kernel had already let the packet go: an interface went down, or a chain was " +
    "removed",
  [ERRNO.EPERM]:
    "This process has lost CAP_NET_ADMIN: the kernel keeps its packets, which get the " +
    "verdict onError when the capability is back, and are dropped when the queue closes",
};

/** What refusals change. */
export interface RefusalLink {
  readonly counters: Counters;
  readonly outbox: Outbox;
  readonly report: (event: VerdictErrorEvent) => void;
}

/**
 * Takes back what was counted when a refused verdict was given. A packet that is gone counts as flushed
 * by the kernel. One that the kernel still has is stuck there: until all of those have a verdict no
 * batch may leave, which would decide them too.
 */
export class Refusals {
  readonly #onError: Verdict;
  readonly #link: RefusalLink;
  #stuck = 0;
  /** No stuck packet has a later id. */
  #last = 0;
  #due = 0;

  /** @param onError what stuck packets get when the kernel takes verdicts again */
  constructor(onError: Verdict, link: RefusalLink) {
    this.#onError = onError;
    this.#link = link;
  }

  /** Milliseconds until stuck packets can be given a verdict again; Infinity when there are none. */
  get left(): number {
    return this.#stuck === 0 ? Infinity : RETRY;
  }

  /**
   * Takes the kernel's answer to one message.
   *
   * @param lastId the id of the packet that was received last
   */
  take({ error, originalSequence, originalPortId }: NetlinkAnswer, lastId: number): void {
    const { kind, packets } = readTag(originalPortId);
    this.#take(sentOnly(kind, packets), { error, packetId: originalSequence, lastId });
  }

  /** Takes what a datagram held that the kernel did not look into, for want of the capability. */
  takeDatagram(
    packets: SentPackets,
    about: { readonly packetId: number; readonly lastId: number },
  ): void {
    this.#take(packets, { error: ERRNO.EPERM, ...about });
  }

  #take(
    packets: SentPackets,
    { error, packetId, lastId }: { error: number; packetId: number; lastId: number },
  ): void {
    const { counters, outbox, report } = this.#link;
    let all = 0;
    packets.forEach((count, kind) => {
      this.takeBack(kind as SentKind, count);
      all += count;
    });
    // Those that are given again were reported the first time.
    const refused = all - packets[SWEPT];
    counters.verdictErrors += refused;
    outbox.beCareful();
    if (error === ERRNO.ENOENT) counters.flushedByKernel += all;
    else {
      this.#stuck += all;
      this.#last = lastId;
      this.#due = performance.now() + RETRY;
      outbox.batches = false;
    }
    if (refused === 0) return;
    const advice = ADVICE[error];
    const failure = new SystemError("verdict", {
      errno: error,
      ...(advice !== undefined && { advice }),
    });
    report(new VerdictErrorEvent(packetId, { error: failure, packets: refused }));
  }

  /** Takes back what was counted when so many verdicts of a kind were given. */
  takeBack(kind: SentKind, packets: number): void {
    const counted = kind === SWEPT ? verdictKind(this.#onError, NO_MARK) : kind;
    this.#link.counters.countVerdicts(counted, -packets);
  }

  /**
   * Gives the stuck packets a verdict, if it is time and nothing older is undecided.
   *
   * @param oldest the id of the oldest packet that the program may still decide
   */
  retry(oldest: number | undefined): void {
    if (this.#stuck === 0 || performance.now() < this.#due) return;
    if (oldest !== undefined && ((oldest - this.#last) | 0) <= 0) return;
    this.retryNow();
  }

  /** The same now, for a queue that closes and has nothing undecided any more. */
  retryNow(): void {
    if (this.#stuck === 0) return;
    const { counters, outbox } = this.#link;
    // One by one still: a run would sweep the stuck ones along. It may be refused, too.
    outbox.flush();
    outbox.addSweep(this.#last, this.#onError, this.#stuck);
    counters.countVerdicts(verdictKind(this.#onError, NO_MARK), this.#stuck);
    this.#stuck = 0;
    outbox.batches = true;
  }
}
