/**
 * The path of a packet: from the socket into an arena, to whoever asks for the next one, and its
 * verdict back through the outbox. Loops (run_sync.ts, run.ts, iterate.ts) drive it.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../ffi/errno.ts";
import { setImmediate } from "../../ffi/turn.ts";
import { decodeError, NLMSG } from "../wire/netlink.ts";
import {
  ATTRIBUTE_STRIDE,
  indexPacketMessage,
  MESSAGE_CUT,
  MESSAGE_OK,
  NFQA,
  QUEUE_MESSAGE,
} from "../wire/nfqueue.ts";
import { type Arena, SlotState } from "./arena.ts";
import { ArenaChain } from "./chain.ts";
import { Configuration, slotSize } from "./configuration.ts";
import { Counters } from "./counters.ts";
import { Deadline } from "./deadline.ts";
import type { Decider, VerdictChanges } from "./decider.ts";
import { QueueClosedError } from "./errors.ts";
import { OverrunEvent, type UndecidedCause, UndecidedEvent, VerdictErrorEvent } from "./events.ts";
import { IdleWatch } from "./idle.ts";
import { slotOf, storeOf } from "./metadata.ts";
import type { Settings } from "./options.ts";
import { OverrunWatch } from "./overrun.ts";
import { isLeft, Packet, settleByQueue } from "./packet.ts";
import { QueueSocket } from "./socket.ts";
import { Outbox } from "./outbox.ts";
import type { Verdict } from "./verdict.ts";

/** Packets taken at most while closing, so that a flood cannot keep the queue open. */
const CLOSING_PACKETS = 65536;

const FAMILY_NUMBERS = { unspecified: 0, ipv4: 2, bridge: 7, ipv6: 10 } as const;

/** Everything that belongs to one open queue. */
export class Engine implements Decider {
  readonly settings: Settings;
  readonly counters = new Counters();
  readonly socket: QueueSocket;
  readonly configuration: Configuration;
  closed = false;
  /** A loop is at work and will flush: verdicts given meanwhile need no flush of their own. */
  draining = false;
  /** What the last receive gave: datagrams (many mean that more are there by now) or −errno. */
  lastCount = 0;
  /** Called once when the number of packets in the program's hands falls below `concurrency`. */
  onRoom: (() => void) | undefined;
  /** Called when the queue closes under a loop that reads it. */
  onClose: (() => void) | undefined;

  readonly #chain: ArenaChain;
  readonly #outbox: Outbox;
  readonly #emit: (event: Event) => void;
  readonly #overruns: OverrunWatch | undefined;
  readonly #idle: IdleWatch;
  readonly #deadline: Deadline | undefined;
  readonly #family: number;
  #reader: string | undefined;
  #events: Event[] = [];
  /** Slots whose message did not fit: decided once all of their batch have been looked at. */
  #cut: [Arena, number][] = [];
  /** The last id seen, to find the ones that never came. */
  #lastId = 0;
  #delivered = 0;
  #closing = false;

  /** @param emit dispatches an event to the queue's listeners */
  constructor(settings: Settings, emit: (event: Event) => void) {
    this.settings = settings;
    this.#emit = emit;
    this.#family = FAMILY_NUMBERS[settings.family];
    const { batchSize, copyRange, deadline, flags } = settings;
    this.#chain = new ArenaChain({ slots: batchSize, slotSize: slotSize(copyRange, flags) });
    if (settings.reportOverruns) {
      this.#overruns = new OverrunWatch(settings, {
        report: (event) => this.#report(event),
        finish: () => this.#dispatch(),
      });
    }
    this.#idle = new IdleWatch(settings.number, this.counters);
    this.#deadline = deadline && new Deadline(deadline, {
      chain: this.#chain,
      expire: (arena, slot, verdict) => {
        this.counters.expired++;
        this.#decideByQueue(arena, slot, { verdict, cause: "deadline" });
      },
      finish: () => {
        this.#outbox.flushSoon();
        this.#dispatch();
      },
    });
    this.socket = new QueueSocket(settings);
    this.configuration = new Configuration(settings, {
      socket: this.socket,
      receive: () => this.receive(),
      closed: () => this.closed,
      growSlots: (size) => this.#chain.setSlotSize(size),
    });
    this.#outbox = new Outbox(this.socket, settings.number);
    try {
      // The last step, and not the library's: it would swallow packets that come at once.
      this.configuration.setCopyRange(copyRange);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether the program holds as many undecided packets as it may. */
  get saturated(): boolean {
    return this.#delivered >= this.settings.concurrency;
  }

  /**
   * Claims the queue for one reader.
   *
   * @throws {Error} when another one is at work
   * @throws {QueueClosedError}
   */
  claim(reader: string): void {
    if (this.closed || this.#closing) throw new QueueClosedError(this.settings.number);
    if (this.#reader !== undefined) {
      throw new Error(`queue ${this.settings.number} is being read by ${this.#reader} already`);
    }
    this.#reader = reader;
  }

  /** Ends a claim. */
  release(): void {
    this.#reader = undefined;
    this.onRoom = undefined;
    this.onClose = undefined;
  }

  /**
   * Takes what the kernel has, at most one arena full.
   *
   * @param patience block this long for the first one (ms); without it nothing is waited for
   * @param most take no more than so many
   * @returns datagrams received, 0 when there was nothing
   * @throws {SystemError}
   */
  receive(patience?: number, most: number = Infinity): number {
    // A listener may have closed the queue: its descriptor may be another's by now.
    if (this.closed) return 0;
    const arena = this.#chain.space();
    const headers = arena.freeHeaders();
    const slots = Math.min(arena.slots - arena.filled, most);
    const count = patience === undefined
      ? this.socket.receive(headers, slots)
      : this.socket.receiveBlocking(headers, slots, patience);
    this.lastCount = count;
    if (count > 0) {
      const first = arena.filled;
      // Before the packets are looked at: deciding one moves the arena's head over these.
      arena.addSlots(count);
      for (let slot = first; slot < first + count; slot++) {
        const start = slot * arena.slotSize;
        const cut = arena.wasCut(slot);
        this.#take(arena, slot, cut ? start + arena.slotSize : start + arena.receivedLength(slot));
      }
    } else if (count === -ERRNO.ENOBUFS) this.#overruns?.interrupted();
    else if (count !== 0 && count !== -ERRNO.EAGAIN && count !== -ERRNO.EINTR) {
      throw new SystemError("recvmmsg", { errno: -count });
    }
    this.#overruns?.check();
    if (this.#cut.length > 0) this.#settleCut();
    this.#dispatch();
    return count === -ERRNO.ENOBUFS ? this.receive() : Math.max(count, 0);
  }

  /** Takes one datagram that the runtime has read already. */
  ingest(datagram: Uint8Array): void {
    const arena = this.#chain.space();
    const slot = arena.filled;
    arena.addSlots(1);
    const start = slot * arena.slotSize;
    const fits = datagram.length <= arena.slotSize;
    arena.bytes.set(fits ? datagram : datagram.subarray(0, arena.slotSize), start);
    this.#take(arena, slot, start + Math.min(datagram.length, arena.slotSize));
    if (this.#cut.length > 0) this.#settleCut();
    this.#dispatch();
  }

  /** The next packet to hand to the program, undefined when none has been received. */
  next(): Packet | undefined {
    for (;;) {
      const arena = this.#chain.takeWaiting();
      if (arena === undefined) return undefined;
      const slot = arena.cursor - 1;
      const packet = new Packet(this, arena, slot);
      if (this.#family !== 0 && this.#familyOf(arena, slot) !== this.#family) {
        arena.packets[slot] = packet;
        packet.accept();
        continue;
      }
      arena.states[slot] = SlotState.Delivered;
      arena.packets[slot] = packet;
      this.#delivered++;
      return packet;
    }
  }

  /** Gives a packet its verdict; for the packet alone, which knows that it has none yet. */
  decide(packet: Packet, verdict: number, mark: number, changes: VerdictChanges | undefined): void {
    if (this.closed) throw new QueueClosedError(this.settings.number);
    // The store of a packet that takes a verdict is the arena that it was received in.
    const arena = storeOf(packet) as Arena;
    const slot = slotOf(packet);
    const { id } = packet;
    if (changes !== undefined) this.#outbox.addWithChanges(id, verdict, mark, changes);
    else if (this.#chain.isOldest(arena, slot)) this.#outbox.addOldest(id, verdict, mark);
    else this.#outbox.add(id, verdict, mark);
    this.#settle(arena, slot, verdict);
  }

  /** Ends a packet's turn: what is undecided and not held gets the verdict for errors. */
  leave(packet: Packet): void {
    if (this.closed || !isLeft(packet)) return;
    this.counters.undecided++;
    this.#decideForHandler(packet, { cause: "handler" });
  }

  /** Gives the error verdict to a packet even if it was held: its handler failed. */
  fail(packet: Packet, error: unknown): void {
    if (this.closed) return;
    this.counters.handlerErrors++;
    if (packet.verdict === undefined) this.#decideForHandler(packet, { cause: "error", error });
  }

  /**
   * Sends the gathered verdicts.
   *
   * @throws {SystemError} when the kernel does not take them; they stay gathered
   */
  flush(): void {
    this.#outbox.flush();
  }

  /**
   * Gives packets whose deadline has passed its verdict.
   *
   * @returns milliseconds until the next one's, Infinity when none waits
   */
  expire(): number {
    const left = this.#deadline?.check() ?? Infinity;
    this.#dispatch();
    return left;
  }

  /**
   * For a reader that finds nothing: reports, once, that no packet has ever come.
   *
   * @returns milliseconds until that would be due, Infinity when it never will
   */
  idle(): number {
    this.#report(this.#idle.check());
    this.#dispatch();
    return this.#idle.left();
  }

  /** Decides what is undecided, and closes. Idempotent. */
  close(): void {
    if (this.closed || this.#closing) return;
    this.#closing = true;
    this.#deadline?.stop();
    this.#overruns?.stop();
    this.draining = true;
    try {
      this.#stopDelivery();
      const verdict = this.settings.onError;
      for (let arena = this.#chain.oldest(); arena !== undefined; arena = this.#chain.oldest()) {
        this.#decideByQueue(arena, arena.head, { verdict, cause: "close" });
      }
      this.flush();
    } finally {
      this.closed = true;
      this.#outbox.close();
      this.socket.close();
      this.draining = false;
      this.onClose?.();
    }
    this.#dispatch();
  }

  /** No new packets, and those in the socket are read: the library's last call must find it empty. */
  #stopDelivery(): void {
    this.configuration.stopPackets();
    for (let taken = 0; taken < CLOSING_PACKETS;) {
      const count = this.receive();
      if (count === 0) break;
      taken += count;
    }
  }

  #familyOf(arena: Arena, slot: number): number {
    const header = arena.index[slot * ATTRIBUTE_STRIDE + NFQA.PACKET_HDR]!;
    // A header attribute is 8 bytes behind the family: nfgenmsg's 4 and its own 4.
    return arena.bytes[header - 8]!;
  }

  /** Looks at a received message; packets then wait to be handed out. */
  #take(arena: Arena, slot: number, end: number): void {
    const start = slot * arena.slotSize;
    const base = slot * ATTRIBUTE_STRIDE;
    const code = indexPacketMessage(arena.view, start, end, arena.index, base);
    const known = code === MESSAGE_OK || (code === MESSAGE_CUT && arena.index[base + 1] !== 0);
    if (!known) {
      this.#chain.decide(arena, slot);
      this.#takeControl(arena, start, end);
      return;
    }
    const id = arena.index[base]!;
    const lost = (id - this.#lastId - 1) | 0;
    this.#lastId = id;
    if (lost > 0) {
      this.counters.overruns += lost;
      this.#report(new OverrunEvent(lost));
    }
    this.counters.received++;
    this.#deadline?.start(arena, slot);
    if (code === MESSAGE_CUT) this.#cut.push([arena, slot]);
  }

  #settleCut(): void {
    const verdict = this.settings.onError;
    for (const [arena, slot] of this.#cut.splice(0)) {
      this.counters.truncatedMessages++;
      this.#decideByQueue(arena, slot, { verdict, cause: "cut" });
    }
  }

  #takeControl(arena: Arena, start: number, end: number): void {
    const { view } = arena;
    if (end - start < 36 || view.getUint16(start + 4, true) !== NLMSG.ERROR) {
      this.counters.malformedMessages++;
      return;
    }
    const { error, originalType, originalSequence } = decodeError(view, start);
    if (originalType === QUEUE_MESSAGE.CONFIG) {
      this.configuration.takeAnswer(originalSequence, error);
    } else if (error !== 0) {
      this.counters.verdictErrors++;
      const failure = new SystemError("verdict", {
        errno: error,
        ...(error === ERRNO.ENOENT && { advice: "The kernel had already let the packet go" }),
      });
      this.#report(new VerdictErrorEvent(originalSequence, failure));
    }
  }

  #decideForHandler(
    packet: Packet,
    reason: { readonly cause: UndecidedCause; readonly error?: unknown },
  ): void {
    const verdict = this.settings.onError;
    settleByQueue(packet, verdict, reason.cause);
    this.#emit(new UndecidedEvent(packet.id, { verdict, ...reason }));
  }

  /** Decides a slot whether or not its packet was handed out. */
  #decideByQueue(
    arena: Arena,
    slot: number,
    { verdict, cause }: { verdict: Verdict; cause: UndecidedCause },
  ): void {
    const packet = arena.packets[slot] ?? new Packet(this, arena, slot);
    settleByQueue(packet, verdict, cause);
    this.#report(new UndecidedEvent(packet.id, { verdict, cause }));
  }

  #settle(arena: Arena, slot: number, verdict: number): void {
    if (arena.states[slot] === SlotState.Delivered) this.#delivered--;
    this.#chain.decide(arena, slot);
    this.counters.countVerdict(verdict);
    if (!this.draining) this.#outbox.flushSoon();
    if (this.onRoom !== undefined && !this.saturated) {
      setImmediate(this.onRoom);
      this.onRoom = undefined;
    }
  }

  #report(event: Event | undefined): void {
    if (event !== undefined) this.#events.push(event);
  }

  /** Listeners run between packets, never in the middle of one. */
  #dispatch(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.#emit(event);
  }
}
