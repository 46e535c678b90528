/**
 * VLAN tags of packets in the bridge family.
 *
 * @module
 */

import { checkBoolean, checkInteger, checkKeys, checkU16 } from "../../base/checks.ts";
import { type PacketVlan, readVlan } from "../../netlink/queue/attributes.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import type { Undecided } from "./decider.ts";
import { VerdictError } from "./errors.ts";
import { FAMILIES } from "./families.ts";
import { MESSAGE } from "./friends.ts";
import type { VlanOptions } from "./verdict_options.ts";

/** A VLAN tag. */
export interface Vlan {
  /** VLAN id, 0 to 4095. */
  readonly id: number;
  /** Priority code point, 0 to 7. */
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

/** The tag that a packet came with. */
export function ownTag(message: PacketMessage): PacketVlan | undefined {
  const offset = message.offset(NFQA.VLAN);
  return offset === 0 ? undefined : readVlan(message.view, offset, message.length(NFQA.VLAN));
}

const NO_TAG: PacketVlan = { protocol: 0x8100, tci: 0 };
const VLAN_KEYS = ["id", "priority", "dropEligible", "protocol"];

/**
 * The tag that these options make of a packet's own.
 *
 * @param assigned what was assigned to the packet before
 * @throws {TypeError | RangeError} naming what is out of its range
 * @throws {VerdictError} when it is no packet of the bridge family
 */
export function resolveVlan(
  packet: Undecided,
  vlan: VlanOptions,
  assigned: PacketVlan | undefined,
): PacketVlan {
  checkKeys("vlan", vlan, VLAN_KEYS);
  const { [MESSAGE]: message } = packet;
  if (message.family !== FAMILIES.bridge) {
    throw new VerdictError(packet.id, "only packets of the bridge family can get a VLAN tag");
  }
  const own = vlanOf(assigned ?? ownTag(message) ?? NO_TAG);
  const { id = own.id, priority = own.priority, protocol = own.protocol } = vlan;
  const { dropEligible = own.dropEligible } = vlan;
  checkInteger("vlan.id", id, 0, 0xfff);
  checkInteger("vlan.priority", priority, 0, 7);
  checkBoolean("vlan.dropEligible", dropEligible);
  checkU16("vlan.protocol", protocol);
  return { protocol, tci: (priority << 13) | (dropEligible ? 0x1000 : 0) | id };
}
