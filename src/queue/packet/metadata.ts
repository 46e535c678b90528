/**
 * What the kernel tells about a packet besides its bytes: read in place, straight from the
 * attributes of the NFQNL_MSG_PACKET message (linux/netfilter/nfnetlink_queue.h).
 *
 * @module
 */

import { formatMac } from "../../base/address.ts";
import { copyOf, partOf } from "../../base/bytes.ts";
import { type Conntrack, decodeConntrack } from "../../netlink/conntrack/entry.ts";
import { PacketReleasedError } from "../../base/errors.ts";
import { NFQA, NFQA_SKB } from "../../netlink/queue/numbers.ts";
import { ATTRIBUTE_STRIDE, attributeLength } from "../../netlink/queue/packet_index.ts";
import {
  type PacketVlan,
  readHardwareAddress,
  readMicroseconds,
  readSecurityContext,
  readVlan,
} from "../../netlink/queue/attributes.ts";
import { type Device, deviceOf } from "../../linux/devices.ts";
import type { Family } from "../terms/options.ts";

/** Where a packet's message stands: an arena, or a copy's own memory. */
export interface MessageStore {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Attribute offsets, as `indexPacketMessage` writes them. */
  readonly index: Int32Array;
  /** Bytes a slot; a message begins with its slot. */
  readonly slotSize: number;
  /** Whether it is one packet's own, and no receive memory. */
  readonly single: boolean;
}

/**
 * One message in memory of its own, in slot 0.
 *
 * @param end where what is to be kept of the slot ends; at least the whole message is kept
 */
export function singleStore(from: MessageStore, slot: number, end: number): MessageStore {
  const base = slot * ATTRIBUTE_STRIDE;
  const start = slot * from.slotSize;
  // One that was cut says that it is longer than its slot.
  const length = Math.min(from.slotSize, Math.max(from.view.getUint32(start, true), end - start));
  const bytes = copyOf(partOf(from.bytes, start, start + length));
  const index = from.index.slice(base, base + ATTRIBUTE_STRIDE);
  // Entry 0 is the packet's id, the others are offsets.
  for (let entry = 1; entry < ATTRIBUTE_STRIDE; entry++) {
    if (index[entry] !== 0) index[entry]! -= start;
  }
  return { bytes, view: new DataView(bytes.buffer), index, slotSize: length, single: true };
}

/** The header attribute is a message's first: behind 16 bytes of netlink, 4 of nfnetlink, 4 of its own. */
export const HEADER_ATTRIBUTE_OFFSET = 24;
/** Offset of nfgen_family and res_id behind the netlink header. */
const FAMILY_OFFSET = 16;
const RESOURCE_OFFSET = 18;
const FAMILIES: Readonly<Record<number, Family>> = { 2: "ipv4", 7: "bridge", 10: "ipv6" };
const HOOKS = ["prerouting", "input", "forward", "output", "postrouting", "ingress"] as const;

/** A VLAN tag. */
export interface Vlan {
  /** VLAN id, 0…4095. */
  readonly id: number;
  /** Priority code point, 0…7. */
  readonly priority: number;
  /** Whether it may be dropped first. */
  readonly dropEligible: boolean;
  /** Ethertype of the tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
  readonly protocol: number;
}

/** @ignore The fields of a tag. Frozen: who assigns to one of them is to hear that it does nothing. */
export function vlanOf({ protocol, tci }: PacketVlan): Vlan {
  return Object.freeze({
    id: tci & 0xfff,
    priority: tci >> 13,
    dropEligible: (tci & 0x1000) !== 0,
    protocol,
  });
}

/** Where in the stack a packet was queued. */
export type Hook = (typeof HOOKS)[number];

// What packet.ts may do with the message, and users may not.
/** @ignore The message's memory; throws PacketReleasedError after the verdict. */
export let liveStore: (metadata: PacketMetadata) => MessageStore;
/** @ignore The message's memory, undefined after the verdict. */
export let storeOf: (metadata: PacketMetadata) => MessageStore | undefined;
/** @ignore Which slot of the store holds the message. */
export let slotOf: (metadata: PacketMetadata) => number;
/** @ignore Offset of an attribute's payload, 0 where it is absent. */
export let attributeOffset: (metadata: PacketMetadata, attribute: number) => number;
/** @ignore The bits `NFQA_SKB` of what the kernel tells of the packet. */
export let skbInfoOf: (metadata: PacketMetadata) => number;
/** @ignore Gives the memory back. */
export let releaseStore: (metadata: PacketMetadata) => void;
/** @ignore Reads from another memory from now on. */
export let moveStore: (metadata: PacketMetadata, store: MessageStore) => void;

/** The readable half of a packet. Every getter throws {@linkcode PacketReleasedError} after the verdict. */
export class PacketMetadata {
  #store: MessageStore | undefined;
  #slot: number;
  readonly #id: number;

  /** @ignore Packets come from a queue. */
  constructor(store: MessageStore, slot: number) {
    if (store?.index === undefined) {
      throw new TypeError("packets come from a queue: see PacketQueue");
    }
    this.#store = store;
    this.#slot = slot;
    this.#id = store.index[slot * ATTRIBUTE_STRIDE]! >>> 0;
  }

  /** The kernel's number of the packet in its queue: 32 bits, counting up, wrapping. Never released. */
  get id(): number {
    return this.#id;
  }

  /** Number of the queue the packet came through. */
  get queue(): number {
    const { view } = this.#live();
    return view.getUint16(this.#messageStart() + RESOURCE_OFFSET, false);
  }

  /** Where in the stack it was queued. */
  get hook(): Hook {
    return HOOKS[this.#live().view.getUint8(this.#offset(NFQA.PACKET_HDR) + 6)] ?? "prerouting";
  }

  /** Protocol family of the rule that queued it. */
  get family(): Family {
    const { view } = this.#live();
    return FAMILIES[view.getUint8(this.#messageStart() + FAMILY_OFFSET)] ?? "unspecified";
  }

  /** EtherType: 0x0800 is IPv4, 0x86dd IPv6. */
  get protocol(): number {
    return this.#live().view.getUint16(this.#offset(NFQA.PACKET_HDR) + 4, false);
  }

  /** The packet's mark (nfmark), host order; 0 where none is set. `accept({ mark })` sets one. */
  get mark(): number {
    return this.#uint32(NFQA.MARK) ?? 0;
  }

  /** skb->priority, host order (kernel 5.18 and later); absent when it is 0. */
  get priority(): number | undefined {
    return this.#uint32(NFQA.PRIORITY);
  }

  /** User id of the local socket, as the initial user namespace counts; needs the option `uidGid`. */
  get uid(): number | undefined {
    return this.#uint32(NFQA.UID);
  }

  /** Group id of the local socket, likewise; needs the option `uidGid`. */
  get gid(): number | undefined {
    return this.#uint32(NFQA.GID);
  }

  /** Security context as text; needs the option `securityContext`. */
  get securityContext(): string | undefined {
    const offset = this.#offset(NFQA.SECCTX);
    if (offset === 0) return undefined;
    return readSecurityContext(this.#live().bytes, offset, this.#lengthAt(offset));
  }

  /** net_cls class id of the local socket (kernel 6.13 and later). */
  get cgroupClassId(): number | undefined {
    return this.#uint32(NFQA.CGROUP_CLASSID);
  }

  /** The interface it came in by. */
  get inDevice(): Device | undefined {
    return deviceOf(this.#uint32(NFQA.IFINDEX_INDEV) ?? 0);
  }

  /** The interface it will leave by. */
  get outDevice(): Device | undefined {
    return deviceOf(this.#uint32(NFQA.IFINDEX_OUTDEV) ?? 0);
  }

  /** The bridge port it came in by. */
  get physicalInDevice(): Device | undefined {
    return deviceOf(this.#uint32(NFQA.IFINDEX_PHYSINDEV) ?? 0);
  }

  /** The bridge port it will leave by. */
  get physicalOutDevice(): Device | undefined {
    return deviceOf(this.#uint32(NFQA.IFINDEX_PHYSOUTDEV) ?? 0);
  }

  /** Hardware address of the sender, colon form; absent on packets from this host. */
  get hardwareAddress(): string | undefined {
    const offset = this.#offset(NFQA.HWADDR);
    if (offset === 0) return undefined;
    const { view, bytes } = this.#live();
    return formatMac(readHardwareAddress(view, bytes, offset));
  }

  /** VLAN tag; bridge family only. */
  get vlan(): Vlan | undefined {
    const offset = this.#offset(NFQA.VLAN);
    if (offset === 0) return undefined;
    return vlanOf(readVlan(this.#live().view, offset, this.#lengthAt(offset)));
  }

  /**
   * The layer-2 header without the VLAN tag; bridge family only. A copy: bytes written here are sent
   * only with `packet.accept({ layer2Header })`; `ethernet` has its fields.
   */
  get layer2Header(): Uint8Array | undefined {
    const header = this.#attribute(NFQA.L2HDR);
    return header === undefined ? undefined : new Uint8Array(header);
  }

  /** When the packet arrived, microseconds since 1970; absent on packets from this host. */
  get timestamp(): number | undefined {
    const offset = this.#offset(NFQA.TIMESTAMP);
    if (offset === 0) return undefined;
    return readMicroseconds(this.#live().view, offset);
  }

  /**
   * The connection tracking entry; needs the option `conntrack`. Plain values, nothing borrowed.
   * `packet.accept({ conntrack: { mark: 7 } })` changes it.
   *
   * @throws {WireError} when the kernel's attribute cannot be read
   */
  get conntrack(): Conntrack | undefined {
    const nest = this.#attribute(NFQA.CT);
    return nest === undefined ? undefined : decodeConntrack(nest, this.#uint32(NFQA.CT_INFO));
  }

  /** Bytes of the whole packet from the network header on, at every copy range. */
  get length(): number {
    const whole = this.#uint32(NFQA.CAP_LEN);
    if (whole !== undefined) return whole;
    const offset = this.#offset(NFQA.PAYLOAD);
    return offset === 0 ? 0 : this.#lengthAt(offset);
  }

  /** Whether `payload` holds less than the packet. */
  get truncated(): boolean {
    return this.#offset(NFQA.CAP_LEN) !== 0 || this.#offset(NFQA.PAYLOAD) === 0;
  }

  /** The transport checksum is not computed yet: the packet is on its way down, or was never cut. */
  get checksumNotReady(): boolean {
    return (this.#skbInfo() & NFQA_SKB.CSUMNOTREADY) !== 0;
  }

  /** Several segments in one packet, larger than the MTU; only with the option `gso`. */
  get gso(): boolean {
    return (this.#skbInfo() & NFQA_SKB.GSO) !== 0;
  }

  #live(): MessageStore {
    if (this.#store === undefined) throw new PacketReleasedError();
    return this.#store;
  }

  #offset(attribute: number): number {
    return this.#live().index[this.#slot * ATTRIBUTE_STRIDE + attribute]!;
  }

  #messageStart(): number {
    return this.#offset(NFQA.PACKET_HDR) - HEADER_ATTRIBUTE_OFFSET;
  }

  #uint32(attribute: number): number | undefined {
    const offset = this.#offset(attribute);
    return offset === 0 ? undefined : this.#store!.view.getUint32(offset, false);
  }

  #skbInfo(): number {
    return this.#uint32(NFQA.SKB_INFO) ?? 0;
  }

  #lengthAt(offset: number): number {
    return attributeLength(this.#store!.view, offset);
  }

  /** Borrowed: it is receive memory, and stays inside the library. */
  #attribute(attribute: number): Uint8Array<ArrayBuffer> | undefined {
    const offset = this.#offset(attribute);
    if (offset === 0) return undefined;
    return partOf(this.#store!.bytes, offset, offset + this.#lengthAt(offset));
  }

  static {
    liveStore = (metadata) => metadata.#live();
    storeOf = (metadata) => metadata.#store;
    slotOf = (metadata) => metadata.#slot;
    attributeOffset = (metadata, attribute) => metadata.#offset(attribute);
    skbInfoOf = (metadata) => metadata.#skbInfo();
    releaseStore = (metadata) => {
      metadata.#store = undefined;
    };
    moveStore = (metadata, store) => {
      metadata.#store = store;
      metadata.#slot = 0;
    };
  }
}
