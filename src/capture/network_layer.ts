import { checkBytes } from "../base/checks.ts";
import { ETHERTYPE } from "../packet/structure/protocols.ts";
import { LINK_TYPE } from "./captured_packet.ts";

/** Where a captured packet's network header is. */
export interface NetworkLayer {
  /** The EtherType: 0x0800 is IPv4, 0x86dd IPv6. */
  readonly etherType: number;
  /** Bytes before it. */
  readonly offset: number;
}

/** Values of a protocol family by the systems that write captures of it. */
const FAMILY: Readonly<Record<number, number>> = {
  2: ETHERTYPE.IPV4,
  ...{ 10: ETHERTYPE.IPV6, 24: ETHERTYPE.IPV6, 28: ETHERTYPE.IPV6, 30: ETHERTYPE.IPV6 },
};

/** A header whose last two bytes, or so, are an EtherType. */
const ETHER_TYPE_AT: Readonly<Record<number, { readonly at: number; readonly size: number }>> = {
  [LINK_TYPE.ETHERNET]: { at: 12, size: 14 },
  [LINK_TYPE.LINUX_SLL]: { at: 14, size: 16 },
  [LINK_TYPE.LINUX_SLL2]: { at: 0, size: 20 },
};
const TAGS: readonly number[] = [ETHERTYPE.VLAN, ETHERTYPE.SERVICE_VLAN];

/**
 * Finds the network header of a captured packet.
 *
 * @param given its bytes, from the link header on
 * @param linkType of its interface, see {@linkcode LINK_TYPE}
 * @returns undefined where the link type is not known, or the bytes end before
 * @throws {TypeError} when they are no Uint8Array
 */
export function networkLayerOf(given: Uint8Array, linkType: number): NetworkLayer | undefined {
  const bytes = checkBytes("bytes", given);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (linkType === LINK_TYPE.NULL || linkType === LINK_TYPE.LOOP) {
    if (bytes.length < 4) return undefined;
    const etherType = FAMILY[view.getUint32(0, true)] ?? FAMILY[view.getUint32(0, false)];
    return etherType === undefined ? undefined : { etherType, offset: 4 };
  }
  const header = ETHER_TYPE_AT[linkType];
  if (header !== undefined) return behindTags(view, header);
  const raw = linkType === LINK_TYPE.RAW || linkType === LINK_TYPE.IPV4 ||
    linkType === LINK_TYPE.IPV6;
  if (!raw || bytes.length === 0) return undefined;
  const version = bytes[0]! >> 4;
  if (version !== 4 && version !== 6) return undefined;
  return { etherType: version === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6, offset: 0 };
}

/** VLAN tags stand before the EtherType. */
function behindTags(
  view: DataView,
  { at, size }: { readonly at: number; readonly size: number },
): NetworkLayer | undefined {
  if (view.byteLength < size) return undefined;
  let etherType = view.getUint16(at);
  let offset = size;
  while (TAGS.includes(etherType)) {
    if (view.byteLength < offset + 4) return undefined;
    etherType = view.getUint16(offset + 2);
    offset += 4;
  }
  return { etherType, offset };
}
