// The extension headers of an IPv6 packet as a list, and how they are put in and out.
import { replacePart } from "./edit.ts";
import { WireError } from "./errors.ts";
import {
  encodeExtensions,
  findExtension,
  IPV6_EXTENSION,
  IPV6_HEADER_SIZE,
  type Ipv6Extension,
  isExtensionHeader,
  listExtensions,
} from "./ipv6_extensions.ts";
import type { Outline } from "./outline.ts";
import { coveredSum } from "./pseudo.ts";
import { renewUpper, updatePseudo } from "./sums.ts";

const NEXT_HEADER = 6;
const FRAGMENT_SIZE = 8;

/** The order of RFC 8200 §4.1, for extension headers that are put in. */
const ORDER: readonly number[] = [
  IPV6_EXTENSION.HOP_BY_HOP,
  IPV6_EXTENSION.ROUTING,
  IPV6_EXTENSION.FRAGMENT,
  IPV6_EXTENSION.AUTHENTICATION,
  IPV6_EXTENSION.DESTINATION_OPTIONS,
];

/** Every whole extension header with its data, borrowed. */
export function readExtensions(outline: Outline): Ipv6Extension[] {
  const { frame, network } = outline;
  return listExtensions(outline).map(({ protocol, offset, length }) => {
    const at = network + offset;
    return { protocol, data: frame.subarray(at + 2, at + length) };
  });
}

/** Puts others in the place of all; lengths and the transport checksum follow. */
export function setExtensions(outline: Outline, value: readonly Ipv6Extension[]): void {
  // First, because reading the list may run the program's own code.
  const { bytes, nextHeader, behindFragment } = encodeExtensions(value, outline.protocol);
  const { frame, network, upper, end, problem, protocol, fragment } = outline;
  // One that is cut off would be taken for the upper layer.
  if (problem !== undefined && isExtensionHeader(protocol)) {
    frame.requireWritable();
    throw new WireError(problem);
  }
  if (fragment && behindFragment >= 0) checkFragment(outline, behindFragment);
  const before = coveredSum(outline);
  const [first] = listExtensions(outline);
  const had = first?.protocol === IPV6_EXTENSION.HOP_BY_HOP ? first.length : 0;
  const has = nextHeader === IPV6_EXTENSION.HOP_BY_HOP ? (bytes[1]! + 1) * 8 : 0;
  if (has !== had) frame.checkHeaders(had > 0);
  const part = { field: "extensions", from: network + IPV6_HEADER_SIZE, to: upper, inHeader: true };
  replacePart(outline, part, bytes);
  frame.setU8(network + NEXT_HEADER, nextHeader);
  outline.refresh();
  const after = coveredSum(outline);
  // A payload length that lied may come out as 0, which is "to the end of the frame".
  const same = outline.fragment === fragment && outline.end - outline.upper === end - upper;
  if (before < 0 || !same) renewUpper(outline);
  else if (after >= 0) updatePseudo(outline, before, after);
}

/** What is behind the Fragment header is data of the whole packet, which has its place there. */
function checkFragment(outline: Outline, length: number): void {
  const { upper } = outline;
  const kept = upper - findExtension(outline, IPV6_EXTENSION.FRAGMENT) - FRAGMENT_SIZE;
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
      outline.frame.requireWritable();
      return;
    }
    list.splice(at, 1);
  } else if (at >= 0) {
    list[at] = { protocol, data };
  } else {
    const rank = ORDER.indexOf(protocol);
    const behind = list.findIndex((header) => ORDER.indexOf(header.protocol) > rank);
    list.splice(behind < 0 ? list.length : behind, 0, { protocol, data });
  }
  setExtensions(outline, list);
}
