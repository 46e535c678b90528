/**
 * What comes from the kernel: packets into the arenas, answers to whom they concern.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../linux/errno.ts";
import { write } from "../../base/bytes.ts";
import { decodeError, NLMSG } from "../../netlink/message.ts";
import { NFQA, QUEUE_MESSAGE } from "../../netlink/queue/numbers.ts";
import {
  ATTRIBUTE_STRIDE,
  indexPacketMessage,
  MESSAGE_CUT,
  MESSAGE_OK,
} from "../../netlink/queue/packet_index.ts";
import type { Arena } from "./arena.ts";
import type { ArenaChain } from "./chain.ts";
import type { Configuration } from "../send/configuration.ts";
import type { Counters } from "../report/counters.ts";
import type { LossWatch } from "./losses.ts";
import type { Refusals } from "../send/refusals.ts";
import type { KernelQueue } from "../../nfqueue/kernel_queue.ts";

/** The parts of a queue that hear of what comes. */
export interface IntakeLink {
  readonly chain: ArenaChain;
  readonly kernel: KernelQueue;
  readonly configuration: Configuration;
  readonly counters: Counters;
  /** Starts a packet's time, where there is a deadline. */
  readonly startTime: ((arena: Arena, slot: number) => void) | undefined;
  readonly losses: LossWatch;
  readonly refusals: Refusals;
  /** Decides a packet whose message did not fit its slot. */
  readonly cut: (arena: Arena, slot: number) => void;
}

/** Receives, and looks at each message once. */
export class Intake {
  /** What the last receive gave: datagrams (many mean that more are there by now) or −errno. */
  lastCount = 0;

  readonly #link: IntakeLink;
  /** Slots whose message did not fit: decided once all of their batch have been looked at. */
  #cut: [Arena, number][] = [];
  /** The id of the packet received last, to find those that never came. */
  lastId = 0;

  constructor(link: IntakeLink) {
    this.#link = link;
  }

  /**
   * Takes what the kernel has, at most one arena full.
   *
   * @param patience block this long for the first one (ms); without it nothing is waited for
   * @param most take no more than so many
   * @returns datagrams received, or the negative errno: EAGAIN, EINTR or ENOBUFS
   * @throws {SystemError}
   */
  receive(patience: number | undefined, most: number): number {
    const { chain, kernel, losses } = this.#link;
    const arena = chain.space();
    const first = arena.filled;
    const slots = Math.min(arena.slots - first, most);
    const count = patience === undefined
      ? kernel.receive(arena.memory, first, slots)
      : kernel.receiveBlocking(arena.memory, first, slots, patience);
    this.lastCount = count;
    if (count > 0) {
      // Before the packets are looked at: deciding one moves the arena's head over these.
      arena.addSlots(count);
      for (let slot = first; slot < first + count; slot++) {
        const start = slot * arena.slotSize;
        const cut = arena.memory.wasCut(slot);
        this.#take(arena, slot, cut ? start + arena.slotSize : start + arena.memory.length(slot));
      }
      losses.received(count);
    } else if (count === -ERRNO.ENOBUFS) losses.interrupted();
    else if (count !== 0 && count !== -ERRNO.EAGAIN && count !== -ERRNO.EINTR) {
      throw new SystemError("recvmmsg", { errno: -count });
    }
    if (this.#cut.length > 0) this.#settleCut();
    return count;
  }

  /** Takes one datagram that the runtime has read already. */
  ingest(datagram: Uint8Array): void {
    const arena = this.#link.chain.space();
    const slot = arena.filled;
    arena.addSlots(1);
    const start = slot * arena.slotSize;
    const fits = datagram.length <= arena.slotSize;
    write(arena.bytes, start, fits ? datagram : datagram.subarray(0, arena.slotSize));
    this.#take(arena, slot, start + Math.min(datagram.length, arena.slotSize));
    this.#link.losses.received(1);
    if (this.#cut.length > 0) this.#settleCut();
  }

  /** Looks at a received message; packets then wait to be handed out. */
  #take(arena: Arena, slot: number, end: number): void {
    const { chain, configuration, counters, startTime, losses } = this.#link;
    const start = slot * arena.slotSize;
    const base = slot * ATTRIBUTE_STRIDE;
    const code = indexPacketMessage(arena.view, start, end, arena.index, base);
    const known = code === MESSAGE_OK || (code === MESSAGE_CUT && arena.index[base + 1] !== 0);
    if (!known) {
      chain.decide(arena, slot);
      this.#takeControl(arena, start, end);
      return;
    }
    const id = arena.index[base]!;
    const lost = (id - this.lastId - 1) | 0;
    this.lastId = id;
    if (lost > 0) losses.gap(lost);
    if (configuration.hidesPayload) arena.index[base + NFQA.PAYLOAD] = 0;
    counters.received++;
    startTime?.(arena, slot);
    if (code === MESSAGE_CUT) this.#cut.push([arena, slot]);
  }

  #settleCut(): void {
    const { counters, cut } = this.#link;
    for (const [arena, slot] of this.#cut.splice(0)) {
      counters.truncatedMessages++;
      cut(arena, slot);
    }
  }

  #takeControl(arena: Arena, start: number, end: number): void {
    const { configuration, counters, refusals } = this.#link;
    const { view } = arena;
    if (end - start < 36 || view.getUint16(start + 4, true) !== NLMSG.ERROR) {
      counters.malformedMessages++;
      return;
    }
    const answer = decodeError(view, start);
    const { error, originalType, originalSequence } = answer;
    if (originalType === QUEUE_MESSAGE.CONFIG) configuration.takeAnswer(originalSequence, error);
    else if (error !== 0) refusals.take(answer, this.lastId);
  }
}
