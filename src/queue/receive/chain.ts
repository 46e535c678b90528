/**
 * The arenas in use, oldest first: packets enter at the tail, are handed out at the cursor, and
 * leave in any order. Packets that are held for long are moved out of them, so that a held packet
 * costs its own size, whatever came with it.
 *
 * @module
 */

import type { ReceiveMemory, SlotShape } from "../../nfqueue/kernel_queue.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import { Arena, SlotState } from "./arena.ts";
import { MOVE_OUT } from "../packet/friends.ts";
import type { Packet } from "../packet/packet.ts";

/** Receive memory of a queue in bytes, beyond which held packets are moved out of it. */
const BUDGET = 20 << 20;
/** Arenas that it may use, however small they are. */
const MOST_ARENAS = 32;

/** The oldest undecided packet: in a slot, or moved out. */
export interface Oldest {
  /** When it was received (`performance.now()`); right only for queues with a deadline. */
  readonly received: number;
  readonly packet: Packet | undefined;
  readonly arena: Arena;
  readonly slot: number;
}

/** Where a chain's memory comes from, and how much of it there is. */
export interface ChainOptions {
  readonly memory: (shape: SlotShape) => ReceiveMemory;
  /** Bytes of receive memory to use before held packets are moved out of it; 20 MiB if absent. */
  readonly budget?: number;
}

/** A chain of arenas, a few spare ones, and the packets that were moved out. */
export class ArenaChain {
  #shape: SlotShape;
  #first: Arena;
  #last: Arena;
  #delivering: Arena;
  /** Arenas in the chain. */
  #count = 1;
  #most: number;
  readonly #budget: number;
  readonly #memory: ChainOptions["memory"];
  readonly #spares: Arena[] = [];
  /** Undecided packets older than all in the arenas, oldest first, by what reads their message. */
  readonly #moved = new Map<PacketMessage, Pick<Oldest, "packet" | "received">>();

  constructor(shape: SlotShape, { memory, budget = BUDGET }: ChainOptions) {
    this.#shape = shape;
    this.#memory = memory;
    this.#budget = budget;
    this.#most = arenasFor(shape, budget);
    this.#first = this.#last = this.#delivering = this.#make();
  }

  /** Receives into slots of this size if they are larger; packets in the old ones stay there. */
  setSlotSize(slotSize: number): void {
    if (slotSize <= this.#shape.slotSize) return;
    this.#shape = { ...this.#shape, slotSize };
    this.#most = arenasFor(this.#shape, this.#budget);
    this.#spares.length = 0;
  }

  /** An arena with at least one free slot; its packets come after all others. */
  space(): Arena {
    const last = this.#last;
    const fits = last.slotSize === this.#shape.slotSize;
    if (fits && last.settled) {
      last.rewind();
      return last;
    }
    if (fits && last.filled < last.slots) return last;
    const fresh = this.#spares.pop() ?? this.#make();
    fresh.previous = last;
    last.next = fresh;
    this.#last = fresh;
    this.#count++;
    if (last.settled) this.#unlink(last);
    // What was not handed out yet has no packet object that could be moved.
    while (this.#count > this.#most && this.#first.cursor === this.#first.filled) {
      this.#evacuate(this.#first);
    }
    return fresh;
  }

  /** Whether every packet before this one is decided. */
  isOldest(arena: Arena, slot: number): boolean {
    return arena === this.#first && slot === arena.head && this.#moved.size === 0;
  }

  /** The same for a packet that was moved out. */
  isOldestMoved(message: PacketMessage): boolean {
    return this.#moved.keys().next().value === message;
  }

  /** Marks a slot decided, and takes its arena out of use when it was the last one. */
  decide(arena: Arena, slot: number): void {
    arena.packets[slot] = undefined;
    arena.decide(slot);
    if (arena !== this.#last && arena.settled) this.#unlink(arena);
  }

  /** Forgets a packet that was moved out: it has its verdict. */
  decideMoved(message: PacketMessage): void {
    this.#moved.delete(message);
  }

  /** The arena whose slot `cursor - 1` is the next packet to hand out; undefined when there is none. */
  takeWaiting(): Arena | undefined {
    for (;;) {
      const arena = this.#delivering;
      while (arena.cursor < arena.filled) {
        if (arena.states[arena.cursor++] === SlotState.Waiting) return arena;
      }
      if (arena.next === undefined) return undefined;
      this.#delivering = arena.next;
    }
  }

  /** The oldest undecided packet; undefined when all are decided. */
  oldest(): Oldest | undefined {
    const arena = this.#first;
    const slot = arena.head;
    if (this.#moved.size > 0) {
      const { packet, received } = this.#moved.values().next().value!;
      return { packet, received, arena, slot };
    }
    // Settled arenas leave the chain at once, but for the last.
    if (arena.settled) return undefined;
    return { packet: arena.packets[slot], received: arena.times[slot]!, arena, slot };
  }

  /** The id of that packet. */
  oldestId(): number | undefined {
    const oldest = this.oldest();
    if (oldest === undefined) return undefined;
    const { packet, arena, slot } = oldest;
    return packet === undefined ? arena.messages[slot]!.id : packet.id;
  }

  /** All packets have waited so many milliseconds longer. */
  age(milliseconds: number): void {
    for (const [message, { packet, received }] of this.#moved) {
      this.#moved.set(message, { packet, received: received - milliseconds });
    }
    for (let arena: Arena | undefined = this.#first; arena !== undefined; arena = arena.next) {
      for (let slot = 0; slot < arena.filled; slot++) arena.times[slot]! -= milliseconds;
    }
  }

  /** Moves what is undecided in the oldest arena out of it, and takes it out of use. */
  #evacuate(arena: Arena): void {
    for (let slot = arena.head; slot < arena.filled; slot++) {
      const packet = arena.packets[slot];
      if (packet === undefined) continue;
      this.#moved.set(packet[MOVE_OUT](), { packet, received: arena.times[slot]! });
      arena.packets[slot] = undefined;
    }
    this.#unlink(arena);
  }

  #make(): Arena {
    return new Arena(this.#shape, this.#memory(this.#shape));
  }

  #unlink(arena: Arena): void {
    const { previous, next } = arena;
    if (previous === undefined) this.#first = next!;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    if (this.#delivering === arena) this.#delivering = next!;
    arena.next = arena.previous = undefined;
    arena.rewind();
    this.#count--;
    const fits = arena.slotSize === this.#shape.slotSize;
    if (fits && this.#spares.length < this.#most) this.#spares.push(arena);
  }
}

/** How many arenas the budget allows: one is received into, so the others hold what is undecided. */
function arenasFor({ slots, slotSize }: SlotShape, budget: number): number {
  return Math.min(MOST_ARENAS, Math.max(1, Math.floor(budget / (slots * slotSize))));
}
