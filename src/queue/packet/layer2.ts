/**
 * What stands before a packet's network header in the bridge family, read and assigned: the Ethernet
 * header and the VLAN tag. The kernel tells and takes both as attributes of their own.
 *
 * @module
 */

import { copyOf } from "../../base/bytes.ts";
import type { PacketVlan } from "../../netlink/queue/attributes.ts";
import type { QueueVerdictChanges } from "../../netlink/queue/changes.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import { EthernetView } from "../../packet/link/ethernet.ts";
import { ETHERNET_HEADER_SIZE } from "../../packet/structure/link_layouts.ts";
import { type BytesOwner, type Memory, OWN_MEMORY } from "../../packet/structure/owner.ts";
import { PacketBytes } from "../../packet/structure/packet_bytes.ts";

/** What was assigned, as a verdict sends it. */
export type Layer2Edits = Pick<QueueVerdictChanges, "vlan" | "layer2Header">;

/** The header keeps its length, and nothing else is asked. */
const HEADER_OWNER: BytesOwner<undefined> = {
  terms: () => OWN_MEMORY,
  checkLength: () => {},
  checkHeaders: () => {},
};

/** A packet's layer 2. It is made when the header is looked at or a tag is assigned: seldom. */
export class Layer2 {
  /** The tag that was assigned. */
  vlan: PacketVlan | undefined = undefined;
  #frame: PacketBytes | undefined = undefined;
  #ethernet: EthernetView | undefined = undefined;
  /** The header was edited before the packet was copied. */
  #copied = false;

  /** The header; undefined where there is none that is whole. */
  ethernet(message: PacketMessage): EthernetView | undefined {
    if (this.#ethernet !== undefined) return this.#ethernet;
    const offset = message.offset(NFQA.L2HDR);
    const length = message.length(NFQA.L2HDR);
    if (length < ETHERNET_HEADER_SIZE) return undefined;
    const { bytes, view } = message;
    this.#frame = new PacketBytes(bytes, offset, offset + length, view, HEADER_OWNER);
    return this.#ethernet = new EthernetView(this.#frame);
  }

  /** What was assigned; undefined where nothing was. */
  edits(): Layer2Edits | undefined {
    const { vlan } = this;
    const frame = this.#frame;
    const touched = frame !== undefined && frame.touched;
    if (!touched && !this.#copied && vlan === undefined) return undefined;
    return {
      ...(vlan !== undefined && { vlan }),
      // A copy: options that are read next may run code that makes the packet move.
      ...(touched && { layer2Header: copyOf(frame.subarray()) }),
    };
  }

  /** That of a copy, whose message has the header as it is now; undefined where nothing was assigned. */
  copy(): Layer2 | undefined {
    const edits = this.edits();
    if (edits === undefined) return undefined;
    const copy = new Layer2();
    copy.vlan = edits.vlan;
    copy.#copied = true;
    return copy;
  }

  /** Goes on in other memory, as the packet's bytes do. */
  rebase(from: Uint8Array, to: Memory, shift: number): void {
    this.#frame?.rebase(from, to, shift);
  }

  /** Gives the memory back. */
  release(): void {
    this.#frame?.release();
  }
}
