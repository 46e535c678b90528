// Every field of ARP packets, Ethernet headers and VLAN tags, with values to write: what the tests of
// edits share.
import { counting } from "./edits.ts";

/** A field, the bytes that it takes from the header's first on, and values for it. */
export type LinkField = readonly [
  name: string,
  from: number,
  to: number,
  values: readonly unknown[],
];

const u16 = [0, 1, 0xfffe, 0xffff];
const macs = ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "0a:1b:2c:3d:4e:5f"];
const addresses = ["0.0.0.0", "255.255.255.255", "192.0.2.9"];

/** The two lengths last: only what still fits. */
export const ARP_FIELDS: readonly LinkField[] = [
  ["hardwareType", 0, 2, u16],
  ["protocolType", 2, 4, u16],
  ["operation", 6, 8, u16],
  ["senderHardwareAddress", 8, 14, macs],
  ["senderHardwareBytes", 8, 14, [counting(6)]],
  ["senderProtocolAddress", 14, 18, addresses],
  ["senderProtocolNumber", 14, 18, [0, 0xffffffff, 0xc0000209]],
  ["senderProtocolBytes", 14, 18, [counting(4)]],
  ["targetHardwareAddress", 18, 24, macs],
  ["targetHardwareBytes", 18, 24, [counting(6)]],
  ["targetProtocolAddress", 24, 28, addresses],
  ["targetProtocolNumber", 24, 28, [0, 0xffffffff, 0xc0000209]],
  ["targetProtocolBytes", 24, 28, [counting(4)]],
  ["hardwareLength", 4, 5, [0, 3, 6]],
  ["protocolLength", 5, 6, [0, 3, 4]],
];
export const ETHERNET_FIELDS: readonly LinkField[] = [
  ["destination", 0, 6, macs],
  ["destinationBytes", 0, 6, [counting(6)]],
  ["destinationNumber", 0, 6, [0, 1, 0xffffffffffff, 0x123456789abc]],
  ["source", 6, 12, macs],
  ["sourceBytes", 6, 12, [counting(6)]],
  ["sourceNumber", 6, 12, [0, 1, 0xffffffffffff, 0x123456789abc]],
  ["etherType", 12, 14, u16],
];
export const VLAN_FIELDS: readonly LinkField[] = [
  ["protocol", 12, 14, u16],
  ["priority", 14, 15, [0, 7, 3]],
  ["dropEligible", 14, 15, [true, false]],
  ["id", 14, 16, [0, 4095, 1]],
  ["etherType", 16, 18, u16],
];
