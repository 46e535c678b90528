// The attributes of a packet message that are more than one number. Readers take the offset and length
// of a payload that is known to be there.
import { readText, readU16 } from "../attribute_reader.ts";
import type { AttributeWriter } from "../attribute_writer.ts";
import { partOf } from "../../base/bytes.ts";
import { checkU16 } from "../../base/checks.ts";
import { checkObject } from "../../base/objects.ts";
import { netlinkAttributes } from "../message.ts";
import { NFQA, NFQA_VLAN } from "./numbers.ts";

/** When the packet arrived. */
export interface PacketTimestamp {
  /** Seconds since the epoch. */
  readonly seconds: number;
  /** Microseconds after it, 0 to 999999. */
  readonly microseconds: number;
}

/** The VLAN tag the packet came with (bridge family only). */
export interface PacketVlan {
  /** Ethertype of the tag: 0x8100 or 0x88a8. */
  readonly protocol: number;
  /** Tag control information: priority (3 bits), drop eligible (1), VLAN id (12). */
  readonly tci: number;
}

/** Reads NFQA_TIMESTAMP (16 bytes at `offset`). Beyond 2⁵³ the numbers are rounded. */
export function readTimestamp(view: DataView, offset: number): PacketTimestamp {
  return { seconds: readU64(view, offset), microseconds: readU64(view, offset + 8) };
}

/** Microseconds since the epoch of the NFQA_TIMESTAMP at `offset`; allocates nothing. */
export function readMicroseconds(view: DataView, offset: number): number {
  return readU64(view, offset) * 1e6 + readU64(view, offset + 8);
}

function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, false) * 0x100000000 + view.getUint32(offset + 4, false);
}

/**
 * Reads NFQA_HWADDR (12 bytes at `offset`): the sender's link-layer address, borrowed from `bytes`.
 * A length beyond the 8 bytes that the structure holds is taken as 8.
 */
export function readHardwareAddress(view: DataView, bytes: Uint8Array, offset: number): Uint8Array {
  const length = Math.min(view.getUint16(offset, false), 8);
  return partOf(bytes, offset + 4, offset + 4 + length);
}

/** Reads NFQA_SECCTX: a security label in UTF-8, without the NULs that may end it. */
export function readSecurityContext(bytes: Uint8Array, offset: number, length: number): string {
  return readText(bytes, { offset, length });
}

/**
 * Reads NFQA_VLAN; a part that is missing is 0.
 *
 * @throws {WireError} when an attribute inside does not fit or is too short.
 */
export function readVlan(view: DataView, offset: number, length: number): PacketVlan {
  let protocol = 0;
  let tci = 0;
  for (const inner of netlinkAttributes(view, offset, offset + length, "NFQA_VLAN attribute")) {
    if (inner.type !== NFQA_VLAN.PROTO && inner.type !== NFQA_VLAN.TCI) continue;
    if (inner.type === NFQA_VLAN.PROTO) protocol = readU16(view, inner, "NFQA_VLAN_PROTO");
    else tci = readU16(view, inner, "NFQA_VLAN_TCI");
  }
  return { protocol, tci };
}

/**
 * Adds NFQA_VLAN.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range
 */
export function writeVlan(writer: AttributeWriter, vlan: PacketVlan): void {
  checkObject("vlan", vlan);
  writer.nest(NFQA.VLAN, () => {
    writer.u16(NFQA_VLAN.TCI, checkU16("vlan.tci", vlan.tci));
    writer.u16(NFQA_VLAN.PROTO, checkU16("vlan.protocol", vlan.protocol));
  });
}
