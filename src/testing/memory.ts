/**
 * Memory of a stand-in kernel's queues: no address of it is needed.
 *
 * @module
 */

import type { ReceiveMemory, SendMemory, SlotShape } from "../nfqueue/kernel_queue.ts";

/** Receive slots that a stand-in fills. */
export class StandInSlots implements ReceiveMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #slotSize: number;
  readonly #lengths: Int32Array;
  readonly #cut: Uint8Array;

  constructor({ slots, slotSize }: SlotShape) {
    const buffer = new ArrayBuffer(slots * slotSize);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.#slotSize = slotSize;
    this.#lengths = new Int32Array(slots);
    this.#cut = new Uint8Array(slots);
  }

  /** Writes a datagram into a slot, as much of it as fits. */
  fill(slot: number, datagram: Uint8Array): void {
    const size = this.#slotSize;
    const cut = datagram.length > size;
    this.bytes.set(cut ? datagram.subarray(0, size) : datagram, slot * size);
    this.#lengths[slot] = cut ? size : datagram.length;
    this.#cut[slot] = cut ? 1 : 0;
  }

  length(slot: number): number {
    return this.#lengths[slot]!;
  }

  wasCut(slot: number): boolean {
    return this.#cut[slot] === 1;
  }
}

/** Memory to send from. */
export class StandInMessage implements SendMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;

  constructor(capacity: number) {
    const buffer = new ArrayBuffer(capacity);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }
}
