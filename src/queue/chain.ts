/**
 * The arenas in use, oldest first: packets enter at the tail, are handed out at the cursor, and
 * leave in any order.
 *
 * @module
 */

import type { SlotShape } from "../../ffi/receive_slots.ts";
import { Arena, SlotState } from "./arena.ts";

/** Spare arenas kept for the next burst. */
const SPARES = 4;

/** A chain of arenas and a few spare ones. */
export class ArenaChain {
  #shape: SlotShape;
  #first: Arena;
  #last: Arena;
  #delivering: Arena;
  readonly #spares: Arena[] = [];

  constructor(shape: SlotShape) {
    this.#shape = shape;
    this.#first = this.#last = this.#delivering = new Arena(shape);
  }

  /** Receives into slots of this size if they are larger; packets in the old ones stay there. */
  setSlotSize(slotSize: number): void {
    if (slotSize <= this.#shape.slotSize) return;
    this.#shape = { ...this.#shape, slotSize };
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
    const fresh = this.#spares.pop() ?? new Arena(this.#shape);
    fresh.previous = last;
    last.next = fresh;
    this.#last = fresh;
    if (last.settled) this.#unlink(last);
    return fresh;
  }

  /** Whether every packet before this one is decided. */
  isOldest(arena: Arena, slot: number): boolean {
    return arena === this.#first && slot === arena.head;
  }

  /** Marks a slot decided, and takes its arena out of use when it was the last one. */
  decide(arena: Arena, slot: number): void {
    arena.packets[slot] = undefined;
    arena.decide(slot);
    if (arena !== this.#last && arena.settled) this.#unlink(arena);
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

  /** The oldest undecided slot's arena (its `head`); undefined when all are decided. */
  oldest(): Arena | undefined {
    // Settled arenas leave the chain at once, but for the last.
    return this.#first.settled ? undefined : this.#first;
  }

  #unlink(arena: Arena): void {
    const { previous, next } = arena;
    if (previous === undefined) this.#first = next!;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    if (this.#delivering === arena) this.#delivering = next!;
    arena.next = arena.previous = undefined;
    arena.rewind();
    const fits = arena.slotSize === this.#shape.slotSize;
    if (fits && this.#spares.length < SPARES) this.#spares.push(arena);
  }
}
