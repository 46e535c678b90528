/**
 * Receive memory: slots that `recvmmsg` fills, one message a slot, read in place.
 *
 * An arena whose packets are all decided is filled again from its first slot. One that still holds
 * undecided packets is filled on behind them, and when full another takes over (chain.ts). Nobody
 * outside the library sees this memory: what a program is handed is a copy.
 *
 * @module
 */

import type { ReceiveMemory, SlotShape } from "../../nfqueue/kernel_queue.ts";
import { type MessageStore, PacketMessage } from "../../nfqueue/packet_message.ts";
import { ATTRIBUTE_STRIDE } from "../../netlink/queue/packet_index.ts";
import type { Packet } from "../packet/packet.ts";

/** Where a slot's packet stands. */
export const SlotState = {
  /** Received, not yet handed to the program. */
  Waiting: 0,
  /** In the program's hands. */
  Delivered: 1,
  /** Has its verdict, or never held a packet. */
  Decided: 2,
} as const;

/** A block of receive slots, and a link of the chain of arenas in use (oldest first). */
export class Arena implements MessageStore {
  readonly slots: number;
  readonly slotSize: number;
  readonly single = false;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Offsets of every message's attributes, a record of ATTRIBUTE_STRIDE a slot. */
  readonly index: Int32Array;
  /** What reads the message of each slot. */
  readonly messages: readonly PacketMessage[];
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

  /** What the kernel fills. */
  readonly memory: ReceiveMemory;

  constructor({ slots, slotSize }: SlotShape, memory: ReceiveMemory) {
    this.slots = slots;
    this.slotSize = slotSize;
    this.memory = memory;
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.index = new Int32Array(slots * ATTRIBUTE_STRIDE);
    this.messages = Array.from({ length: slots }, (_, slot) => new PacketMessage(this, slot));
    this.states = new Uint8Array(slots);
    this.packets = new Array(slots).fill(undefined);
    this.times = new Float64Array(slots);
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
