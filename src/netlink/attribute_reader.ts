// Values of netlink attributes: numbers are big-endian, what is too short is a WireError.
import { copyOf, partOf } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { type NetlinkAttribute, netlinkAttributes } from "./message.ts";

/** The attributes inside another. */
export function inside(
  view: DataView,
  { offset, length }: NetlinkAttribute,
  layer: string,
): Generator<NetlinkAttribute, void, undefined> {
  return netlinkAttributes(view, offset, offset + length, layer);
}

/** An attribute of one byte. */
export function readU8(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 1, name);
  return view.getUint8(attribute.offset);
}

/** An attribute of two bytes. */
export function readU16(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 2, name);
  return view.getUint16(attribute.offset, false);
}

/** An attribute of four bytes. */
export function readU32(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 4, name);
  return view.getUint32(attribute.offset, false);
}

/** An attribute of eight bytes; beyond 2⁵³ it is rounded. */
export function readU64(view: DataView, attribute: NetlinkAttribute, name: string): number {
  need(attribute, 8, name);
  const { offset } = attribute;
  return view.getUint32(offset, false) * 0x100000000 + view.getUint32(offset + 4, false);
}

/** A string, without the NULs that may end it. */
export function readText(
  bytes: Uint8Array,
  { offset, length }: Pick<NetlinkAttribute, "offset" | "length">,
): string {
  let end = offset + length;
  while (end > offset && bytes[end - 1] === 0) end--;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(copyOf(partOf(bytes, offset, end)));
}

/** Throws unless the attribute holds so many bytes. */
export function need({ offset, length }: NetlinkAttribute, need: number, name: string): void {
  if (length < need) {
    throw new WireError({ layer: `${name} attribute`, offset, need, have: length });
  }
}
