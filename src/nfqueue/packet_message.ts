/**
 * A packet message (NFQNL_MSG_PACKET) where it was received, read by what `indexPacketMessage` noted.
 *
 * @module
 */

import { copyOf, partOf } from "../base/bytes.ts";
import { NFQA } from "../netlink/queue/numbers.ts";
import { ATTRIBUTE_STRIDE, attributeLength } from "../netlink/queue/packet_index.ts";

/** Memory that holds messages: an arena's, or that of a single one. */
export interface MessageStore {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Offsets of attributes, as `indexPacketMessage` writes them: a record of ATTRIBUTE_STRIDE a slot. */
  readonly index: Int32Array;
  /** Bytes a slot; a message begins with its slot. */
  readonly slotSize: number;
  /** Whether it is one packet's own, and no receive memory. */
  readonly single: boolean;
}

/** The header attribute is a message's first: behind 16 bytes of netlink, 4 of nfnetlink, 4 of its own. */
const HEADER_ATTRIBUTE_OFFSET = 24;
/** Offset of nfgen_family and res_id behind the netlink header. */
const FAMILY_OFFSET = 16;
const RESOURCE_OFFSET = 18;
/** Offsets in NFQA_PACKET_HDR. */
const ETHERTYPE_OFFSET = 4;
const HOOK_OFFSET = 6;

/**
 * The message of one slot. It is made once a slot and reads whatever message is there, so nobody may
 * keep it beyond the verdict of the packet that it was taken for.
 */
export class PacketMessage {
  readonly store: MessageStore;
  readonly slot: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly index: Int32Array;
  /** Where the slot's record begins in the index. */
  readonly base: number;

  constructor(store: MessageStore, slot: number) {
    this.store = store;
    this.slot = slot;
    this.bytes = store.bytes;
    this.view = store.view;
    this.index = store.index;
    this.base = slot * ATTRIBUTE_STRIDE;
  }

  /** The packet's id. */
  get id(): number {
    return this.index[this.base]! >>> 0;
  }

  /** Where an attribute's payload begins in `bytes`; 0 when the message has none. */
  offset(attribute: number): number {
    return this.index[this.base + attribute]!;
  }

  /** Length of an attribute's payload; 0 when the message has none. */
  length(attribute: number): number {
    const offset = this.index[this.base + attribute]!;
    return offset === 0 ? 0 : attributeLength(this.view, offset);
  }

  /** The 32-bit number of an attribute; undefined when the message has none. */
  u32(attribute: number): number | undefined {
    const offset = this.index[this.base + attribute]!;
    return offset === 0 ? undefined : this.view.getUint32(offset, false);
  }

  /** The bytes of an attribute, borrowed; undefined when the message has none. */
  part(attribute: number): Uint8Array<ArrayBuffer> | undefined {
    const offset = this.index[this.base + attribute]!;
    if (offset === 0) return undefined;
    return partOf(this.bytes, offset, offset + attributeLength(this.view, offset));
  }

  /** The queue's number. */
  get queue(): number {
    return this.view.getUint16(this.#start + RESOURCE_OFFSET, false);
  }

  /** NFPROTO_* of the rule. */
  get family(): number {
    return this.view.getUint8(this.#start + FAMILY_OFFSET);
  }

  /** NF_INET_* or NF_BR_*: where the packet was queued. */
  get hook(): number {
    return this.view.getUint8(this.index[this.base + NFQA.PACKET_HDR]! + HOOK_OFFSET);
  }

  get etherType(): number {
    return this.view.getUint16(this.index[this.base + NFQA.PACKET_HDR]! + ETHERTYPE_OFFSET, false);
  }

  /** Bits of `NFQA_SKB`. */
  get skbInfo(): number {
    const offset = this.index[this.base + NFQA.SKB_INFO]!;
    return offset === 0 ? 0 : this.view.getUint32(offset, false);
  }

  /** Whether only a part of the packet is here. */
  get truncated(): boolean {
    const { index, base } = this;
    return index[base + NFQA.CAP_LEN] !== 0 || index[base + NFQA.PAYLOAD] === 0;
  }

  /** Where the bytes end that the message may take: its slot. */
  get slotEnd(): number {
    const { slotSize } = this.store;
    return this.slot * slotSize + slotSize;
  }

  /** Where the message ends. */
  get end(): number {
    const start = this.slot * this.store.slotSize;
    return start + this.view.getUint32(start, true);
  }

  /**
   * The same message in memory of its own.
   *
   * @param end where what is to be kept of the slot ends; at least the whole message is kept
   */
  copy(end: number = 0): PacketMessage {
    const { slotSize } = this.store;
    const start = this.slot * slotSize;
    // One that was cut says that it is longer than its slot.
    const length = Math.min(slotSize, Math.max(this.end, end) - start);
    const bytes = copyOf(partOf(this.bytes, start, start + length));
    const index = this.index.slice(this.base, this.base + ATTRIBUTE_STRIDE);
    // Entry 0 is the packet's id, the others are offsets.
    for (let entry = 1; entry < ATTRIBUTE_STRIDE; entry++) {
      if (index[entry] !== 0) index[entry]! -= start;
    }
    const view = new DataView(bytes.buffer);
    return new PacketMessage({ bytes, view, index, slotSize: length, single: true }, 0);
  }

  get #start(): number {
    return this.index[this.base + NFQA.PACKET_HDR]! - HEADER_ATTRIBUTE_OFFSET;
  }
}
