/**
 * Verdicts on their way to the kernel: gathered in one buffer, sent in one call.
 *
 * @module
 */

import { DelayedFlush } from "../../nfqueue/delayed_flush.ts";
import type { KernelQueue, SendMemory } from "../../nfqueue/kernel_queue.ts";
import { partOf, write } from "../../base/bytes.ts";
import {
  appendAttributes,
  appendMark,
  appendPayload,
  beginVerdict,
  beginVerdictBatch,
  isVerdictBatch,
  MARK_SIZE,
  narrowVerdict,
  payloadLength,
  payloadSize,
  taggedWith,
  tagMessage,
  VERDICT_SIZE,
} from "../../netlink/queue/verdict.ts";
import type { VerdictChanges } from "../packet/decider.ts";
import { verdictKind } from "../report/counters.ts";
import { countPackets, packetOf, readTag, type SentPackets, SWEPT, tagOf } from "./tags.ts";
import { NO_MARK } from "../packet/verdict.ts";

/** Room for the largest payload verdict, and below the kernel's usual send buffer (212992). */
const CAPACITY = 128 * 1024;
const PLAIN_SIZE = VERDICT_SIZE + MARK_SIZE;
/** So many packets in one datagram have waited for a while. */
const MANY = 16;
/** Packets of one datagram's runs: their ids are kept until it leaves. */
const MOST_IDS = 4096;
/** From here on a datagram is better sent than filled: behind it the largest verdict finds room. */
const FULL = CAPACITY / 4;
/** How long verdicts go one by one after the kernel may have let packets go (ms). */
const CAREFUL = 1000;
/** How long every send is preceded by a look after the socket may have been full (ms). */
const WATCHED = 1000;

/** What the outbox needs of its queue. */
export interface OutboxLink {
  readonly queue: number;
  /** Sends what was gathered, and does what else is to be done then. */
  readonly flush: () => void;
  /** Memory to send from. */
  readonly memory: (capacity: number) => SendMemory;
  readonly kernel: Pick<KernelQueue, "send" | "sendInDoubt" | "changes">;
  /** A datagram was refused: what it held, and its first message's packet. */
  readonly refused: (packets: SentPackets, packetId: number) => void;
}

/**
 * Gathers verdicts, in the order in which they are given: it is the order in which the packets go on.
 *
 * Equal verdicts of the oldest undecided packets, one after the other, form a run that leaves as one
 * batch message ("every id up to this one"). Every other verdict ends the run and is a message of
 * its own. All ids below a run's last one are decided: in the run, or by messages before it.
 *
 * The kernel answers a batch only when none of its packets was left. So the first of a run goes alone:
 * its answer tells whether the kernel has let packets go since they came. Where that may be so, which
 * is looked at when a datagram leaves, its runs are taken apart again.
 */
export class Outbox {
  /** Whether batches may leave: the kernel's list holds nothing that has its verdict already. */
  batches = true;

  readonly #link: OutboxLink;
  readonly #delayed: DelayedFlush;
  readonly #message: SendMemory;
  /** The ids of all runs in the datagram, one after the other. */
  readonly #ids = new Uint32Array(MOST_IDS);
  #idCount = 0;
  #end = 0;
  /** What has gone into the piece: bytes, and ids. */
  #taken = 0;
  #takenIds = 0;
  /** A part of the datagram that leaves with each packet's verdict in a message of its own. */
  #piece: SendMemory | undefined;
  #pieceEnd = 0;
  #runLength = 0;
  #runVerdict = 0;
  #runMark = NO_MARK;
  /** The state of things that batches rely on. */
  #changes: number;
  #carefulUntil = 0;
  #watchedUntil = 0;
  #crowdedUntil = 0;
  #closed = false;

  constructor(link: OutboxLink) {
    this.#link = link;
    this.#delayed = new DelayedFlush(link.flush);
    this.#message = link.memory(CAPACITY);
    this.#changes = link.kernel.changes();
  }

  /** Adds the verdict of the oldest undecided packet. */
  addOldest(id: number, verdict: number, mark: number): void {
    if (verdict !== this.#runVerdict || mark !== this.#runMark) this.#endRun();
    // Before anything is changed: a send that fails must leave nothing half done.
    if (this.#idCount === MOST_IDS) this.flush();
    if (this.#runLength === 0) this.#reserve(0);
    this.#runLength++;
    this.#ids[this.#idCount++] = id;
    this.#runVerdict = verdict;
    this.#runMark = mark;
  }

  /** Adds the verdict of a packet that has undecided ones before it. */
  add(id: number, verdict: number, mark: number): void {
    this.#endRun();
    this.#reserve(PLAIN_SIZE);
    this.#write(id, verdict, mark);
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
    // It counts once it is whole: where something throws, no verdict without the changes is sent.
    let end = this.#begin(beginVerdict, id, verdict, mark);
    const { view, bytes } = this.#message;
    if (attributes !== undefined) end = appendAttributes(view, bytes, start, end, attributes);
    if (payload !== undefined) end = appendPayload(view, bytes, start, end, payload);
    this.#finish(end, tagOf(verdictKind(verdict, mark), 1));
  }

  /**
   * Adds a verdict on all packets up to an id that the kernel still has: so many, it is believed.
   * Nothing else may be gathered.
   */
  addSweep(id: number, verdict: number, packets: number): void {
    const end = this.#begin(beginVerdictBatch, id, verdict, NO_MARK);
    this.#finish(end, tagOf(SWEPT, packets));
  }

  /** Whether it is time to send. */
  get full(): boolean {
    return this.#end >= FULL || this.#idCount === MOST_IDS;
  }

  /**
   * Sends what was gathered.
   *
   * @throws {SystemError} when the kernel does not take it; nothing is lost, it can be sent again
   */
  flush(): void {
    this.#endRun();
    this.#send();
  }

  /** Sends at the end of this turn of the event loop: verdicts given one by one leave together. */
  flushSoon(): void {
    this.#delayed.soon();
  }

  /** Verdicts go one by one for a while: the kernel has let packets go. */
  beCareful(): void {
    this.#carefulUntil = performance.now() + CAREFUL;
  }

  /** Forgets what could not be sent, and gives back what that was. */
  close(): SentPackets {
    this.#endRun();
    this.#closed = true;
    this.#delayed.cancel();
    const unsent = countPackets(this.#message.view, this.#taken, this.#end);
    if (this.#piece === undefined) return unsent;
    const [accepted, dropped, other, swept] = countPackets(this.#piece.view, 0, this.#pieceEnd);
    return [unsent[0] + accepted, unsent[1] + dropped, unsent[2] + other, unsent[3] + swept];
  }

  /** Looks for changes before every send for a while: the handler is slow, and they may be many. */
  watch(): void {
    this.#watchedUntil = performance.now() + WATCHED;
  }

  /** The socket was full: for a while answers may find no room. */
  crowded(): void {
    this.watch();
    this.#crowdedUntil = this.#watchedUntil;
  }

  /** Whether verdicts are to leave one by one, since the kernel may have let packets go. */
  #isCareful(): boolean {
    // Not for the few packets that a loop decides as they come: looking would cost more than they do.
    const watched = this.#isMany() || this.#delayed.waiting || isBefore(this.#watchedUntil);
    const changes = watched ? this.#link.kernel.changes() : this.#changes;
    if (changes !== this.#changes) {
      this.#changes = changes;
      this.beCareful();
    }
    return !this.batches || isBefore(this.#carefulUntil);
  }

  #send(): void {
    if (this.#closed || (this.#end === 0 && this.#pieceEnd === 0)) return;
    if (this.#taken > 0 || this.#pieceEnd > 0 || this.#isCareful()) this.#sendOneByOne();
    else if (!this.#sendWhole()) this.#refuse(this.#message, this.#end);
    this.#end =
      this.#taken =
      this.#idCount =
      this.#takenIds =
        0;
  }

  /** Many take a while, in which the kernel may let packets go. */
  #sendWhole(): boolean {
    const { kernel } = this.#link;
    return this.#isMany() && isBefore(this.#crowdedUntil)
      ? kernel.sendInDoubt(this.#message, this.#end)
      : kernel.send(this.#message, this.#end);
  }

  #isMany(): boolean {
    return this.#idCount >= MANY || this.#end >= MANY * PLAIN_SIZE;
  }

  /** What was gathered, each packet's verdict in a message of its own. */
  #sendOneByOne(): void {
    const piece = this.#piece ??= this.#link.memory(CAPACITY);
    for (;;) {
      // One that could not be sent is tried again as it is.
      if (this.#pieceEnd === 0) this.#fillPiece(piece);
      if (this.#pieceEnd === 0) return;
      const length = this.#pieceEnd;
      const taken = this.#link.kernel.sendInDoubt(piece, length);
      this.#pieceEnd = 0;
      if (!taken) this.#refuse(piece, length);
    }
  }

  #refuse({ view }: SendMemory, length: number): void {
    this.#link.refused(countPackets(view, 0, length), packetOf(view));
  }

  #fillPiece(piece: SendMemory): void {
    const { view, bytes } = this.#message;
    while (this.#taken < this.#end) {
      const start = this.#taken;
      const size = view.getUint32(start, true);
      const at = this.#pieceEnd;
      if (at + size > CAPACITY) return;
      write(piece.bytes, at, partOf(bytes, start, start + size));
      this.#pieceEnd = at + size;
      if (!this.#takeOfRun(piece.view, at, start)) this.#taken = start + size;
    }
  }

  /**
   * Makes the copy of a batch the verdict of its first packet that is left.
   *
   * @returns whether more are left
   */
  #takeOfRun(copy: DataView, at: number, start: number): boolean {
    const { view } = this.#message;
    const { kind, packets } = readTag(taggedWith(view, start));
    if (!isVerdictBatch(view, start) || kind === SWEPT) return false;
    narrowVerdict(copy, at, this.#ids[this.#takenIds++]!);
    tagMessage(copy, at, tagOf(kind, 1));
    tagMessage(view, start, tagOf(kind, packets - 1));
    return packets > 1;
  }

  /** Room for a run's messages is kept, so that ending a run never has to send first. */
  #reserve(size: number): void {
    if (this.#end + size + 2 * PLAIN_SIZE > CAPACITY) this.flush();
  }

  #endRun(): void {
    const length = this.#runLength;
    if (length === 0) return;
    this.#runLength = 0;
    const ids = this.#ids;
    const first = this.#idCount - length;
    this.#write(ids[first]!, this.#runVerdict, this.#runMark);
    if (length === 2) this.#write(ids[first + 1]!, this.#runVerdict, this.#runMark);
    if (length < 3) {
      this.#idCount = first;
      return;
    }
    // The ids that the batch stands for are kept.
    ids.copyWithin(first, first + 1, this.#idCount--);
    const last = ids[this.#idCount - 1]!;
    const end = this.#begin(beginVerdictBatch, last, this.#runVerdict, this.#runMark);
    this.#finish(end, tagOf(verdictKind(this.#runVerdict, this.#runMark), length - 1));
  }

  #write(id: number, verdict: number, mark: number): void {
    this.#finish(
      this.#begin(beginVerdict, id, verdict, mark),
      tagOf(verdictKind(verdict, mark), 1),
    );
  }

  // The sequence number is the packet's id: an error answer then names its packet.
  #begin(begin: typeof beginVerdict, id: number, verdict: number, mark: number): number {
    const { view } = this.#message;
    const start = this.#end;
    const end = begin(view, start, this.#link.queue, id, id, verdict);
    return mark === NO_MARK ? end : appendMark(view, start, end, mark);
  }

  /** Takes a message that is whole; its tag tells an error answer what was refused. */
  #finish(end: number, tag: number): void {
    tagMessage(this.#message.view, this.#end, tag);
    this.#end = end;
  }
}

/** Whether a time has not come yet; 0 is none, and costs no look at the clock. */
function isBefore(time: number): boolean {
  return time > 0 && performance.now() <= time;
}
