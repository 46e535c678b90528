// Where the fields of link-layer headers and of ARP begin, in bytes from their start.
// Views and flows give a table a name of their own module: V8 folds what such a name holds, and looks
// up what is imported at each use, which makes reads a tenth slower.
import type { WireProblem } from "../../base/errors.ts";
import type { PacketBytes } from "./packet_bytes.ts";

/** Of an Ethernet header (IEEE 802.3 §3). */
export const ETHERNET_OFFSET = { destination: 0, source: 6, etherType: 12 } as const;

/** Bytes of an Ethernet header without VLAN tags. */
export const ETHERNET_HEADER_SIZE = 14;

/** Bytes of an Ethernet address. */
export const MAC_SIZE = 6;

/** Of a VLAN tag (IEEE 802.1Q §9), from its protocol identifier on. */
export const VLAN_OFFSET = { protocol: 0, control: 2, etherType: 4 } as const;

/** Bytes that a VLAN tag adds to an Ethernet header. */
export const VLAN_TAG_SIZE = 4;

/** Of an ARP packet (RFC 826), whose four addresses come last. */
export const ARP_OFFSET = {
  hardwareType: 0,
  protocolType: 2,
  hardwareLength: 4,
  protocolLength: 5,
  operation: 6,
  addresses: 8,
} as const;

/** What errors call it. */
export const ARP_LAYER = "arp packet";

/** What keeps an ARP packet at `start` from being read, if anything. */
export function checkArp(packet: PacketBytes, start: number, end: number): WireProblem | undefined {
  const layer = ARP_LAYER;
  const have = end - start;
  if (have < ARP_OFFSET.addresses) {
    return { layer, offset: start, need: ARP_OFFSET.addresses, have };
  }
  const addresses = packet.u8(start + ARP_OFFSET.hardwareLength) +
    packet.u8(start + ARP_OFFSET.protocolLength);
  const need = ARP_OFFSET.addresses + 2 * addresses;
  return have < need ? { layer, offset: start, need, have } : undefined;
}
