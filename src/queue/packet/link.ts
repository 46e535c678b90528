/**
 * What stands before a packet's network header in the bridge family, read and assigned: the Ethernet
 * header and the VLAN tag. The kernel tells and takes both as attributes of their own.
 *
 * @module
 */

import { copyOf } from "../../base/bytes.ts";
import { EthernetView } from "../../packet/link/ethernet.ts";
import { ETHERNET_HEADER_SIZE } from "../../packet/structure/link_layouts.ts";
import { PacketBytes as Frame } from "../../packet/structure/packet_bytes.ts";
import {
  type BytesOwner as FrameOwner,
  type Memory as FrameMemory,
  OWN_MEMORY,
} from "../../packet/structure/owner.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import { attributeLength } from "../../netlink/queue/packet_index.ts";
import type { PacketVlan } from "../../netlink/queue/attributes.ts";
import type { QueueVerdictChanges } from "../../netlink/queue/changes.ts";
import { resolveVlan, type VlanOptions } from "./changes.ts";
import {
  attributeOffset,
  liveStore,
  PacketMetadata,
  releaseStore,
  type Vlan,
  vlanOf,
} from "./metadata.ts";

/** Made when the header is looked at or a tag is assigned, which is seldom. */
interface Link {
  frame: Frame | undefined;
  ethernet: EthernetView | undefined;
  vlan: PacketVlan | undefined;
  /** The header was edited before the packet was copied. */
  edited: boolean;
}

/** What was assigned, as a verdict sends it. */
export type LinkEdits = Pick<QueueVerdictChanges, "vlan" | "layer2Header">;

// What packet.ts may do with it, and users may not.
/** @ignore What was assigned; undefined where nothing was. */
export let linkEdits: (link: PacketLink) => LinkEdits | undefined;
/** @ignore Lets a copy, whose message has the header as it is, know what was assigned. */
export let copyLink: (from: PacketLink, to: PacketLink) => void;
/** @ignore Gives the memory back. */
export let releaseLink: (link: PacketLink) => void;
/** @ignore Goes on in other memory, as the frame of the packet's bytes does. */
export let rebaseLink: (
  link: PacketLink,
  from: Uint8Array,
  to: FrameMemory,
  shift: number,
) => void;

/** The header keeps its length, and nothing else is asked. */
const LINK_OWNER: FrameOwner<undefined> = {
  terms: () => OWN_MEMORY,
  checkLength: () => {},
  checkHeaders: () => {},
};

/** A packet's metadata with what can be assigned of it. */
export class PacketLink extends PacketMetadata {
  #link: Link | undefined;

  /**
   * The Ethernet header without the VLAN tag; bridge family only. `packet.ethernet.destination =
   * "02:00:00:00:00:01"` changes it, and the verdict takes it along, also where only a part of the
   * packet was captured. The bridge looks at the addresses behind PREROUTING: a frame that is
   * changed there goes to another port.
   */
  get ethernet(): EthernetView | undefined {
    const { bytes, view } = liveStore(this);
    if (this.#link?.ethernet !== undefined) return this.#link.ethernet;
    const offset = attributeOffset(this, NFQA.L2HDR);
    const length = offset === 0 ? 0 : attributeLength(view, offset);
    if (length < ETHERNET_HEADER_SIZE) return undefined;
    const link = this.#made();
    link.frame = new Frame(bytes, offset, offset + length, view, LINK_OWNER);
    return link.ethernet = new EthernetView(link.frame);
  }

  /**
   * VLAN tag; bridge family only. `packet.vlan = { id: 7 }` puts one on, or changes what is given of
   * the one that is there: a whole value, not field by field. It cannot be taken away.
   *
   * @throws {TypeError | RangeError} naming what is out of its range
   * @throws {VerdictError} when it is assigned to a packet of another family
   */
  override get vlan(): Vlan | undefined {
    liveStore(this);
    const assigned = this.#link?.vlan;
    return assigned === undefined ? super.vlan : vlanOf(assigned);
  }

  override set vlan(vlan: VlanOptions) {
    if (vlan === undefined) throw new TypeError("the kernel takes no VLAN tag away from a packet");
    const tag = resolveVlan(this, vlan);
    this.#made().vlan = tag;
  }

  #made(): Link {
    return this.#link ??= {
      frame: undefined,
      ethernet: undefined,
      vlan: undefined,
      edited: false,
    };
  }

  static {
    linkEdits = (packet) => {
      const link = packet.#link;
      if (link === undefined) return undefined;
      const { frame, vlan } = link;
      const touched = frame !== undefined && frame.touched;
      if (!touched && !link.edited && vlan === undefined) return undefined;
      return {
        ...(vlan !== undefined && { vlan }),
        // A copy: options that are read next may run code that makes the packet move.
        ...(touched && { layer2Header: copyOf(frame.subarray()) }),
      };
    };
    copyLink = (from, to) => {
      const edits = linkEdits(from);
      if (edits === undefined) return;
      const link = to.#made();
      link.vlan = edits.vlan;
      link.edited = true;
    };
    releaseLink = (packet) => {
      releaseStore(packet);
      packet.#link?.frame?.release();
    };
    rebaseLink = (packet, from, to, shift) => packet.#link?.frame?.rebase(from, to, shift);
  }
}
