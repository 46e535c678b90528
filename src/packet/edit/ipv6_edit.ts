// The extension headers of an IPv6 packet as a list, and how they are put in and out.
import { replacePart } from "./edit.ts";
import { WireError } from "../../base/errors.ts";
import { IPV6_EXTENSION, isExtensionHeader } from "../structure/extension_headers.ts";
import { IPV6_HEADER_SIZE } from "../structure/ip_layouts.ts";
import {
  encodeExtensions,
  findExtension,
  type Ipv6Extension,
  listExtensions,
} from "../structure/ipv6_extensions.ts";
import type { Outline } from "../structure/outline.ts";
import { coveredSum } from "../structure/pseudo.ts";
import { renewUpper, updatePseudo } from "../structure/sums.ts";

const FRAGMENT_SIZE = 8;

/** The order of RFC 8200 §4.1, for extension headers that are put in. */
const ORDER: readonly number[] = [
  IPV6_EXTENSION.HOP_BY_HOP,
  IPV6_EXTENSION.ROUTING,
  IPV6_EXTENSION.SHIM6, // RFC 5533 §4: below fragments and what the end points protect
  IPV6_EXTENSION.FRAGMENT,
  IPV6_EXTENSION.AUTHENTICATION,
  IPV6_EXTENSION.DESTINATION_OPTIONS,
];
/** Behind all of those: messages, which nothing follows (RFC 6275 §6.1.1, RFC 7401 §5.1). */
const LAST = ORDER.length;
/** The bit of Shim6's first byte of data that tells a payload header from a message (RFC 5533 §5.1). */
const SHIM6_PAYLOAD = 0x80;

/** Where a header has its place among the others. */
function rankOf({ protocol, data }: Ipv6Extension): number {
  const rank = ORDER.indexOf(protocol);
  const isMessage = protocol === IPV6_EXTENSION.SHIM6 && (data[0]! & SHIM6_PAYLOAD) === 0;
  return rank < 0 || isMessage ? LAST : rank;
}

/** Every whole extension header with its data, borrowed. */
export function readExtensions(outline: Outline): Ipv6Extension[] {
  const { packet, networkOffset } = outline;
  return listExtensions(outline).map(({ protocol, offset, length }) => {
    const at = networkOffset + offset;
    return { protocol, data: packet.subarray(at + 2, at + length) };
  });
}

/** Puts others in the place of all; lengths and the transport checksum follow. */
export function setExtensions(outline: Outline, value: readonly Ipv6Extension[]): void {
  // First, because reading the list may run the program's own code.
  const { bytes, nextHeader, behindFragment } = encodeExtensions(value, outline.protocol);
  const { packet, networkOffset, upperOffset, end, problem, protocol, fragment } = outline;
  // One that is cut off would be taken for the upper layer.
  if (problem !== undefined && isExtensionHeader(protocol)) {
    packet.requireWritable();
    throw new WireError(problem);
  }
  if (fragment && behindFragment >= 0) checkFragment(outline, behindFragment);
  const before = coveredSum(outline);
  const [first] = listExtensions(outline);
  const had = first?.protocol === IPV6_EXTENSION.HOP_BY_HOP ? first.length : 0;
  const has = nextHeader === IPV6_EXTENSION.HOP_BY_HOP ? (bytes[1]! + 1) * 8 : 0;
  if (has !== had) packet.checkHeaders(had > 0);
  const from = networkOffset + IPV6_HEADER_SIZE;
  replacePart(
    outline,
    { field: "extensions", from, to: upperOffset, inHeader: true, nextHeader },
    bytes,
  );
  outline.refresh();
  const after = coveredSum(outline);
  // A payload length that lied may come out as 0, which is "to the last byte".
  const same = outline.fragment === fragment &&
    outline.end - outline.upperOffset === end - upperOffset;
  if (before < 0 || !same) renewUpper(outline);
  else if (after >= 0) updatePseudo(outline, before, after);
}

/** What is behind the Fragment header is data of the whole packet, which has its place there. */
function checkFragment(outline: Outline, length: number): void {
  const { upperOffset } = outline;
  const kept = upperOffset - findExtension(outline, IPV6_EXTENSION.FRAGMENT) - FRAGMENT_SIZE;
  if (length === kept) return;
  throw new RangeError(
    `extensions must keep ${kept} bytes behind the Fragment header, got ${length}: ` +
      "the packet is a fragment, and the rest of the datagram is elsewhere",
  );
}

/** Changes the first header of a kind, puts one in, or takes it out. */
export function setExtension(
  outline: Outline,
  protocol: number,
  data: Uint8Array | undefined,
): void {
  const list = readExtensions(outline);
  const at = list.findIndex((header) => header.protocol === protocol);
  if (data === undefined) {
    if (at < 0) {
      outline.packet.requireWritable();
      return;
    }
    list.splice(at, 1);
  } else if (at >= 0) {
    list[at] = { protocol, data };
  } else {
    // Behind the last one that it follows: destination options may also stand before a Routing header.
    const header = { protocol, data };
    const rank = rankOf(header);
    const before = list.findLastIndex((other) => rankOf(other) < rank);
    list.splice(before + 1, 0, header);
  }
  setExtensions(outline, list);
}
