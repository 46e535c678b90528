/**
 * The path of a packet: from the socket into an arena, to whoever asks for the next one, and its
 * verdict back through the outbox. Loops (run_sync.ts, run.ts, iterate.ts) drive it.
 *
 * Longer than 400 lines: it is the one place where the parts of a packet's path meet.
 *
 * @module
 */

import { ERRNO } from "../../linux/errno.ts";
import { type Arena, SlotState } from "../receive/arena.ts";
import { ArenaChain, type Oldest } from "../receive/chain.ts";
import { Configuration, slotSize } from "../send/configuration.ts";
import { Counters, verdictKind } from "../report/counters.ts";
import { Deadline } from "./deadline.ts";
import type { Decider, Undecided, VerdictChanges } from "../packet/decider.ts";
import type { UndecidedCause } from "../packet/ending.ts";
import { QueueClosedError } from "../packet/errors.ts";
import { IS_LEFT, MESSAGE, SETTLE_BY_QUEUE } from "../packet/friends.ts";
import { type QueueEvent, UndecidedEvent } from "../report/events.ts";
import { verdictAfter } from "../settings/handler_errors.ts";
import { IdleWatch } from "../receive/idle.ts";
import { Intake } from "../receive/intake.ts";
import { Unseen } from "../receive/unseen.ts";
import type { Settings } from "../settings/options.ts";
import { LossWatch } from "../receive/losses.ts";
import { Packet } from "../packet/packet.ts";
import { Refusals } from "../send/refusals.ts";
import type { SentKind } from "../send/tags.ts";
import { Concurrency } from "./concurrency.ts";
import { MOST_AT_CLOSE } from "../../nfqueue/closing.ts";
import type { Kernel, KernelQueue } from "../../nfqueue/kernel_queue.ts";
import { Answers } from "../send/answers.ts";
import { Outbox } from "../send/outbox.ts";
import type { Verdict } from "../packet/verdict.ts";

/** What an engine is given. */
export interface EngineLink {
  /** Where its queue is opened. */
  readonly kernel: Kernel;
  /** Dispatches an event to the queue's listeners. */
  readonly emit: (event: QueueEvent) => void;
}

/** Everything that belongs to one open queue. */
export class Engine implements Decider {
  readonly settings: Settings;
  readonly counters = new Counters();
  readonly kernel: KernelQueue;
  readonly configuration: Configuration;
  /** Sends packets beside the verdicts. */
  readonly answers: Answers;
  /** For packets in the program's hands. */
  readonly room: Concurrency;
  closed = false;
  /** It is being closed: packets get their verdict, and nothing is changed any more. */
  closing = false;
  /** A loop is at work and will flush: verdicts given meanwhile need no flush of their own. */
  draining = false;
  /** Called when the queue closes under a loop that reads it. */
  onClose: (() => void) | undefined;

  readonly #chain: ArenaChain;
  readonly #outbox: Outbox;
  readonly #refusals: Refusals;
  readonly #intake: Intake;
  readonly #emit: (event: QueueEvent) => void;
  readonly #losses: LossWatch;
  readonly #idle: IdleWatch;
  readonly #deadline: Deadline | undefined;
  readonly #unseen: Unseen;
  #reader: string | undefined;
  #events: QueueEvent[] = [];

  constructor(settings: Settings, { kernel, emit }: EngineLink) {
    this.settings = settings;
    this.#emit = emit;
    this.#unseen = new Unseen(settings, this.counters);
    const { batchSize, copyRange, deadline, flags } = settings;
    const shape = { slots: batchSize, slotSize: slotSize(copyRange, flags) };
    // Before the queue is bound: from then on until a copy mode is set the kernel drops what comes.
    this.#chain = new ArenaChain(shape, { memory: (shape) => kernel.receiveMemory(shape) });
    this.room = new Concurrency(settings, emit);
    this.answers = new Answers(settings, { kernel, queue: this });
    this.#idle = new IdleWatch(settings.number, this.counters);
    this.#deadline = deadline && new Deadline(deadline, {
      chain: this.#chain,
      expire: (oldest, verdict) => {
        this.counters.expired++;
        this.#decideByQueue(oldest, { verdict, cause: "deadline" });
      },
      finish: () => {
        this.#outbox.flushSoon();
        this.#dispatch();
      },
    });
    this.kernel = kernel.open(settings);
    this.#losses = new LossWatch(settings, {
      counters: this.counters,
      kernel: this.kernel,
      failOpen: () => this.configuration.failOpen,
      lostAnswers: () => this.configuration.lostAnswers,
      overrun: () => this.#outbox.crowded(),
      report: (event) => this.#report(event),
    });
    this.configuration = new Configuration(settings, {
      kernel: this.kernel,
      receive: () => this.receive(),
      closed: () => this.closed,
      growSlots: (size) => this.#chain.setSlotSize(size),
    });
    this.#outbox = new Outbox({
      queue: settings.number,
      flush: () => this.flush(),
      memory: (capacity) => kernel.sendMemory(capacity),
      kernel: this.kernel,
      refused: (packets, packetId) =>
        this.#refusals.takeDatagram(packets, { packetId, lastId: this.#intake.lastId }),
    });
    const cut = (arena: Arena, slot: number): void => {
      const verdict = settings.onError;
      this.#decideByQueue({ packet: arena.packets[slot], arena, slot }, { verdict, cause: "cut" });
    };
    this.#refusals = new Refusals(settings.onError, {
      counters: this.counters,
      outbox: this.#outbox,
      report: (event) => this.#report(event),
    });
    this.#intake = new Intake({
      ...{ chain: this.#chain, refusals: this.#refusals, losses: this.#losses, cut },
      ...{ kernel: this.kernel, configuration: this.configuration, counters: this.counters },
      startTime: this.#deadline && ((arena, slot) => this.#deadline?.start(arena, slot)),
    });
    try {
      // The last step, and not the library's: it would swallow packets that come at once.
      this.configuration.setCopyRange(copyRange);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Claims the queue for one reader.
   *
   * @throws {Error} when another one is at work
   * @throws {QueueClosedError}
   */
  claim(reader: string): void {
    if (this.closed || this.closing) throw new QueueClosedError(this.settings.number);
    if (this.#reader !== undefined) {
      throw new Error(`queue ${this.settings.number} is being read by ${this.#reader} already`);
    }
    this.#reader = reader;
  }

  /** Ends a claim. */
  release(): void {
    this.#reader = undefined;
    this.room.forget();
    this.onClose = undefined;
    this.#rest();
  }

  /** What the last receive gave: datagrams (many mean that more are there by now) or −errno. */
  get lastCount(): number {
    return this.#intake.lastCount;
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
    const count = this.#intake.receive(patience, most);
    this.#dispatch();
    return count === -ERRNO.ENOBUFS ? this.receive() : Math.max(count, 0);
  }

  /** Takes one datagram that the runtime has read already. */
  ingest(datagram: Uint8Array): void {
    this.#intake.ingest(datagram);
    this.#dispatch();
  }

  /** The next packet to hand to the program, undefined when none has been received. */
  next(): Packet | undefined {
    for (;;) {
      const arena = this.#chain.takeWaiting();
      if (arena === undefined) return undefined;
      const slot = arena.cursor - 1;
      const message = arena.messages[slot]!;
      const packet = new Packet(this, message);
      arena.packets[slot] = packet;
      if (this.#unseen.has(message)) {
        packet.accept();
        continue;
      }
      arena.states[slot] = SlotState.Delivered;
      this.room.take();
      return packet;
    }
  }

  /** Gives a packet its verdict; for the packet alone, which knows that it has none yet. */
  decide(
    packet: Undecided,
    verdict: number,
    mark: number,
    changes: VerdictChanges | undefined,
  ): void {
    if (this.closed) throw new QueueClosedError(this.settings.number);
    if (this.#outbox.full) this.flush();
    const { [MESSAGE]: message, id } = packet;
    const { store, slot } = message;
    const chain = this.#chain;
    if (changes !== undefined) this.#outbox.addWithChanges(id, verdict, mark, changes);
    else if (
      store.single ? chain.isOldestMoved(message) : chain.isOldest(store as Arena, slot)
    ) this.#outbox.addOldest(id, verdict, mark);
    else this.#outbox.add(id, verdict, mark);
    if (store.single) {
      this.room.give();
      chain.decideMoved(message);
    } else {
      if ((store as Arena).states[slot] === SlotState.Delivered) this.room.give();
      chain.decide(store as Arena, slot);
    }
    this.#settle(verdict, mark);
  }

  /** Ends a packet's turn: what is undecided and not held gets the verdict for errors. */
  leave(packet: Packet): void {
    if (this.closed || !packet[IS_LEFT]) return;
    this.counters.undecided++;
    this.#decideForHandler(packet, { verdict: this.settings.onError, cause: "handler" });
  }

  /**
   * Decides a packet whose handler failed, even if it was held.
   *
   * @returns whether the loop is to end with that error
   */
  fail(packet: Packet, error: unknown): boolean {
    if (this.closed) return true;
    this.counters.handlerErrors++;
    const { onError, onHandlerError } = this.settings;
    const verdict = verdictAfter(onHandlerError, error, packet);
    if (packet.verdict === undefined && !this.closed) {
      this.#decideForHandler(packet, { verdict: verdict ?? onError, cause: "error", error });
    }
    return verdict === undefined;
  }

  /**
   * Sends the gathered verdicts.
   *
   * @throws {SystemError} when the kernel does not take them; they stay gathered
   */
  flush(): void {
    if (this.closed) return;
    this.#retry();
    this.#outbox.flush();
  }

  /** The same after a packet that took long: meanwhile the socket may have filled. */
  flushLate(): void {
    this.#outbox.watch();
    this.flush();
  }

  /** Packets that the kernel still has get a verdict again. */
  #retry(): void {
    if (this.#refusals.left < Infinity) this.#refusals.retry(this.#chain.oldestId());
  }

  /**
   * Gives packets whose deadline has passed its verdict.
   * @returns milliseconds until the next one's, Infinity when none waits
   */
  expire(): number {
    const left = this.#deadline?.check() ?? Infinity;
    this.#dispatch();
    return left;
  }

  /**
   * For a reader that finds nothing: reports, once, that no packet has ever come.
   * @returns milliseconds until something is to be looked at, Infinity when nothing is
   */
  idle(): number {
    this.#report(this.#idle.check());
    this.#dispatch();
    // A listener may have closed the queue, with packets that the kernel did not give up.
    if (this.closed) return Infinity;
    return Math.min(this.#idle.left(), this.#losses.left, this.#refusals.left);
  }

  /** Packets, and the reader, have waited so many milliseconds longer. */
  age(milliseconds: number): void {
    this.#chain.age(milliseconds);
    this.#idle.age(milliseconds);
  }

  /** For a reader that has waited as long as `idle` said: counts what was lost. */
  look(): void {
    if (this.closed) return;
    this.#losses.lookWhenDue();
    this.#retry();
    if (!this.draining) this.#outbox.flush();
    this.#dispatch();
  }

  /** Decides what is undecided, and closes. Idempotent. */
  close(): void {
    if (this.closed || this.closing) return;
    this.closing = true;
    this.#deadline?.stop();
    this.room.forget();
    this.draining = true;
    try {
      this.#empty();
      this.#refusals.retryNow();
      this.#outbox.flush();
      this.receive();
      this.#losses.look();
    } finally {
      this.closed = true;
      this.#outbox.close().forEach((packets, kind) =>
        this.#refusals.takeBack(kind as SentKind, packets)
      );
      this.kernel.close();
      this.answers.close();
      // What the kernel still had has ended with the queue.
      this.counters.flushedByKernel += this.counters.outstanding;
      this.draining = false;
      this.onClose?.();
    }
    this.#dispatch();
  }

  /**
   * No new packets, and those in the socket are decided: the library's last call must find it empty.
   * The kernel's answers to the last verdicts are read too.
   */
  #empty(): void {
    this.configuration.stopPackets();
    const verdict = this.settings.onError;
    // The kernel had no more than its queue holds, so that a flood cannot keep the queue open.
    const most = this.counters.received + Math.max(MOST_AT_CLOSE, this.configuration.maxLength);
    do {
      for (let left = this.#chain.oldest(); left !== undefined; left = this.#chain.oldest()) {
        this.#decideByQueue(left, { verdict, cause: "close" });
      }
      this.flush();
    } while (this.receive() > 0 && this.counters.received < most);
  }

  #decideForHandler(
    packet: Packet,
    reason: { readonly verdict: Verdict; readonly cause: UndecidedCause; readonly error?: unknown },
  ): void {
    packet[SETTLE_BY_QUEUE](reason.verdict, reason.cause);
    this.#emit(new UndecidedEvent(packet.id, reason));
  }

  /** Decides a packet whether or not it was handed out. */
  #decideByQueue(
    { packet: made, arena, slot }: Omit<Oldest, "received">,
    { verdict, cause }: { verdict: Verdict; cause: UndecidedCause },
  ): void {
    const packet = made ?? new Packet(this, arena.messages[slot]!);
    packet[SETTLE_BY_QUEUE](verdict, cause);
    this.#report(new UndecidedEvent(packet.id, { verdict, cause }));
  }

  /** Without a reader, and with nothing undecided, no timer is needed. */
  #rest(): void {
    if (this.#deadline === undefined || this.#reader !== undefined) return;
    if (this.#chain.oldest() === undefined) this.#deadline.rest();
  }

  #settle(verdict: number, mark: number): void {
    this.counters.countVerdicts(verdictKind(verdict, mark), 1);
    this.#rest();
    if (!this.draining) this.#outbox.flushSoon();
  }

  #report(event: QueueEvent | undefined): void {
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
