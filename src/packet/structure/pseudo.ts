// The addresses that a transport checksum covers: those of the two ends. The IP header has others
// while the packet is on a way that its sender chose, or its sender away from home.
import {
  extensionHeaderLength,
  findIpv6Option,
  IPV6_EXTENSION,
  isExtensionHeader,
} from "./extension_headers.ts";
import { findOption } from "./header_options.ts";
import { IPV4_OFFSET, IPV6_HEADER_SIZE, IPV6_OFFSET } from "./ip_layouts.ts";
import { findExtension } from "./ipv6_extensions.ts";
import type { Outline } from "./outline.ts";

const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;
const HOME_ADDRESS = 0xc9;

/** Where the source stands: a Home Address option stands in for the header's (RFC 6275 §6.3). */
export function coveredSource(outline: Outline): number {
  const { packet, networkOffset, version } = outline;
  if (version === 4) return networkOffset + IPV4_OFFSET.source;
  const home = isExtensionHeader(packet.u8(networkOffset + IPV6_OFFSET.nextHeader))
    ? homeAddress(outline)
    : -1;
  return home < 0 ? networkOffset + IPV6_OFFSET.source : home;
}

/**
 * Where the destination stands: under a source route (RFC 791 §3.1), or a Routing header (RFC 8200
 * §8.1), that is not at its end it is that route's last. −1 where that is not known.
 */
export function coveredDestination(outline: Outline): number {
  return outline.version === 4 ? destination4(outline) : destination6(outline);
}

/** The sum of both; −1 where they are not known. */
export function coveredSum(outline: Outline): number {
  const { packet, version, networkOffset, upperOffset } = outline;
  // Next to each other in a header without options.
  if (version === 4 && upperOffset - networkOffset === IPV4_OFFSET.options) {
    return packet.sum(networkOffset + IPV4_OFFSET.source, networkOffset + IPV4_OFFSET.options);
  }
  const to = coveredDestination(outline);
  if (to < 0) return -1;
  const from = coveredSource(outline);
  const size = version === 4 ? 4 : 16;
  return packet.sum(to, to + size, packet.sum(from, from + size));
}

function destination4({ packet, networkOffset, upperOffset }: Outline): number {
  const header = networkOffset + IPV4_OFFSET.destination;
  const options = networkOffset + IPV4_OFFSET.options;
  if (upperOffset <= options) return header;
  let at = findOption(packet, options, upperOffset, LOOSE_SOURCE_ROUTE);
  if (at < 0) at = findOption(packet, options, upperOffset, STRICT_SOURCE_ROUTE);
  if (at < 0) return header;
  const length = packet.u8(at + 1);
  // The pointer is behind the last address when the route is at its end.
  const whole = length >= 7 && length % 4 === 3;
  return whole && packet.u8(at + 2) <= length ? at + length - 4 : header;
}

function destination6(outline: Outline): number {
  const { packet, networkOffset } = outline;
  const header = networkOffset + IPV6_OFFSET.destination;
  // Most packets have none, or only a fragment header.
  if (!isExtensionHeader(packet.u8(networkOffset + IPV6_OFFSET.nextHeader))) return header;
  const at = findExtension(outline, IPV6_EXTENSION.ROUTING);
  if (at < 0 || packet.u8(at + 3) === 0) return header;
  const length = extensionHeaderLength(packet, IPV6_EXTENSION.ROUTING, at);
  switch (packet.u8(at + 2)) {
    case 0: // RFC 2460: the addresses in the order of the visits
    case 2: // RFC 6275: one address
      return length < 24 ? -1 : at + length - 16 - ((length - 8) % 16);
    case 4: // RFC 8754: in reverse order
      return length < 24 ? -1 : at + 8;
    default:
      return -1;
  }
}

/** Where the address of a Home Address option stands; −1 when there is none. */
function homeAddress({ packet, networkOffset, upperOffset }: Outline): number {
  let protocol = packet.u8(networkOffset + IPV6_OFFSET.nextHeader);
  for (let at = networkOffset + IPV6_HEADER_SIZE; at < upperOffset;) {
    const end = at + extensionHeaderLength(packet, protocol, at);
    if (protocol === IPV6_EXTENSION.DESTINATION_OPTIONS) {
      const option = { from: at + 2, to: end, type: HOME_ADDRESS, length: 16 };
      const found = findIpv6Option(packet, option);
      if (found >= 0) return found + 2;
    }
    protocol = packet.u8(at);
    at = end;
  }
  return -1;
}
