/**
 * Receive memory: slots that `recvmmsg` fills, one message a slot, read in place.
 *
 * An arena whose packets are all decided is filled again from its first slot. One that still holds
 * undecided packets is filled on behind them, and when full it stays out and another takes over: so
 * holding packets is safe and copies nothing.
 *
 * @module
 */

import { NativeMemory } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";
import { ATTRIBUTE_STRIDE } from "../wire/nfqueue.ts";
import type { MessageStore } from "./metadata.ts";
import type { Packet } from "./packet.ts";

/** Where a slot's packet stands. */
export const SlotState = {
  /** Received, not yet handed to the program. */
  Waiting: 0,
  /** In the program's hands. */
  Delivered: 1,
  /** Has its verdict, or never held a packet. */
  Decided: 2,
} as const;

/** struct mmsghdr (x86-64, arm64): a 56-byte msghdr, then msg_len. */
const MMSGHDR_SIZE = 64;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_FLAGS = 48;
const MSG_LEN = 56;
/** struct iovec: base, length. */
const IOVEC_SIZE = 16;

/** What is needed to make an arena. */
export interface ArenaShape {
  readonly slots: number;
  /** Bytes a slot, a multiple of 8. */
  readonly slotSize: number;
}

/** A block of receive slots, and a link of the chain of arenas in use (oldest first). */
export class Arena implements MessageStore {
  readonly slots: number;
  readonly slotSize: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Offsets of every message's attributes, a record of ATTRIBUTE_STRIDE a slot. */
  readonly index: Int32Array;
  readonly states: Uint8Array;
  /** The packet object of each delivered, undecided slot. */
  readonly packets: (Packet | undefined)[];
  /** When each slot was received (`performance.now()`); written only for queues with a deadline. */
  readonly times: Float64Array;

  /** Slots in use: [0, filled). */
  filled = 0;
  /** How many of them are decided. */
  decided = 0;
  /** First undecided slot. */
  head = 0;
  /** Next slot to deliver. */
  cursor = 0;
  next: Arena | undefined = undefined;
  previous: Arena | undefined = undefined;

  // All memory that the kernel writes stays in these fields: an address keeps nothing alive.
  readonly #memory: NativeMemory;
  readonly #headers: NativeMemory;
  readonly #vectors: NativeMemory;
  readonly #lengths: Int32Array;
  readonly #pointers: (Pointer | undefined)[];

  constructor({ slots, slotSize }: ArenaShape) {
    this.slots = slots;
    this.slotSize = slotSize;
    this.#memory = new NativeMemory(slots * slotSize);
    this.#headers = new NativeMemory(slots * MMSGHDR_SIZE);
    this.#vectors = new NativeMemory(slots * IOVEC_SIZE);
    this.bytes = this.#memory.bytes;
    this.view = this.#memory.view;
    this.index = new Int32Array(slots * ATTRIBUTE_STRIDE);
    this.states = new Uint8Array(slots);
    this.packets = new Array(slots).fill(undefined);
    this.times = new Float64Array(slots);
    this.#lengths = new Int32Array(this.#headers.view.buffer);
    this.#pointers = new Array(slots).fill(undefined);
    const headers = this.#headers.view;
    const vectors = this.#vectors.view;
    for (let slot = 0; slot < slots; slot++) {
      const position = slot * IOVEC_SIZE;
      this.#memory.storeAddress(slot * slotSize, { view: vectors, position });
      vectors.setUint32(position + 8, slotSize, true);
      const header = slot * MMSGHDR_SIZE;
      this.#vectors.storeAddress(position, { view: headers, position: header + MSG_IOV });
      headers.setUint32(header + MSG_IOVLEN, 1, true);
    }
  }

  /** Pointer to the mmsghdr of the first free slot. */
  freeHeaders(): Pointer {
    return this.#pointers[this.filled] ??= this.#headers.pointerAt(this.filled * MMSGHDR_SIZE);
  }

  /** Bytes that the kernel wrote into a slot. */
  receivedLength(slot: number): number {
    return this.#lengths[(slot * MMSGHDR_SIZE + MSG_LEN) >> 2]!;
  }

  /** The kernel's msg_flags of a slot (MSG_TRUNC). */
  receivedFlags(slot: number): number {
    return this.#lengths[(slot * MMSGHDR_SIZE + MSG_FLAGS) >> 2]!;
  }

  /** Takes the next slots into use. */
  addSlots(count: number): void {
    const { states, filled } = this;
    this.filled = filled + count;
    // Not `fill`: for the one slot of a quiet queue that call costs more than all of this.
    for (let slot = filled; slot < this.filled; slot++) states[slot] = SlotState.Waiting;
  }

  /** Marks a slot decided and moves the head past all that are. */
  decide(slot: number): void {
    this.states[slot] = SlotState.Decided;
    this.decided++;
    if (slot !== this.head) return;
    let head = slot + 1;
    while (head < this.filled && this.states[head] === SlotState.Decided) head++;
    this.head = head;
  }

  /** Whether nothing in it is undecided. */
  get settled(): boolean {
    return this.decided === this.filled;
  }

  /** Makes all slots free again; only when settled. */
  rewind(): void {
    this.filled = 0;
    this.decided = 0;
    this.head = 0;
    this.cursor = 0;
  }
}
