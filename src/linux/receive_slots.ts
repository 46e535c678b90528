/**
 * Memory that `recvmmsg` fills: equal slots, one datagram each.
 *
 * @module
 */

import { NativeMemory } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";

/** struct mmsghdr (x86-64, arm64): a 56-byte msghdr, then msg_len. */
const MMSGHDR_SIZE = 64;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_FLAGS = 48;
const MSG_LEN = 56;
/** struct iovec: base, length. */
const IOVEC_SIZE = 16;
/** msg_flags: the datagram was longer than its slot. */
const MSG_TRUNC = 0x20;

/** How many slots, and how long. */
export interface SlotShape {
  readonly slots: number;
  /** Bytes a slot, a multiple of 8. */
  readonly slotSize: number;
}

/** Receive memory; slot n begins at byte n × slotSize. */
export class ReceiveSlots {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;

  // All memory that the kernel writes stays in these fields: an address keeps nothing alive.
  readonly #memory: NativeMemory;
  readonly #headers: NativeMemory;
  readonly #vectors: NativeMemory;
  readonly #words: Int32Array;
  readonly #pointers: (Pointer | undefined)[];

  constructor({ slots, slotSize }: SlotShape) {
    this.#memory = new NativeMemory(slots * slotSize);
    this.#headers = new NativeMemory(slots * MMSGHDR_SIZE);
    this.#vectors = new NativeMemory(slots * IOVEC_SIZE);
    this.bytes = this.#memory.bytes;
    this.view = this.#memory.view;
    this.#words = new Int32Array(this.#headers.view.buffer);
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

  /** The `struct mmsghdr` of a slot; those of the slots behind it follow. */
  headersFrom(slot: number): Pointer {
    return this.#pointers[slot] ??= this.#headers.pointerAt(slot * MMSGHDR_SIZE);
  }

  /** Bytes that the kernel wrote into a slot. */
  length(slot: number): number {
    return this.#words[(slot * MMSGHDR_SIZE + MSG_LEN) >> 2]!;
  }

  /** Whether the datagram was longer than the slot. */
  wasCut(slot: number): boolean {
    return (this.#words[(slot * MMSGHDR_SIZE + MSG_FLAGS) >> 2]! & MSG_TRUNC) !== 0;
  }
}
