// The five-tuple of a packet, read from its bytes.
import { Flow, type High, MAKE } from "./flow.ts";
import {
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "./ip_layouts.ts";
import { Outline } from "./outline.ts";
import { PacketBytes } from "./packet_bytes.ts";
import { ETHERTYPE, IP_PROTOCOL, OTHER_PROTOCOL } from "./protocols.ts";

const IPV4 = IPV4_OFFSET;
const IPV6 = IPV6_OFFSET;
const FRAGMENT = IPV4_FRAGMENT;
const { TCP, UDP } = IP_PROTOCOL;
const { DCCP, SCTP, UDP_LITE } = OTHER_PROTOCOL;

/** Bytes of the two ports. */
const PORTS_SIZE = 4;

/** Protocols that begin with a source and a destination port. */
function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP || protocol === DCCP ||
    protocol === UDP_LITE;
}

/** The flow of the packet that was parsed; undefined when it has no IP header. */
export function flowOf(outline: Outline): Flow | undefined {
  const { packet, networkOffset, version, protocol, upperOffset } = outline;
  if (version === 0) return undefined;
  const known = hasPorts(protocol) && !outline.laterFragment &&
    outline.end - upperOffset >= PORTS_SIZE;
  const ports = known ? packet.u32(upperOffset) : 0;
  const kind = (protocol << 3) | version;
  if (version === 4) {
    return Flow[MAKE](
      kind,
      ports,
      packet.u32(networkOffset + IPV4.source),
      packet.u32(networkOffset + IPV4.destination),
      undefined,
    );
  }
  const word = (index: number): number => packet.u32(networkOffset + IPV6.source + 4 * index) | 0;
  const high: High = [word(0), word(1), word(2), word(4), word(5), word(6)];
  return Flow[MAKE](kind, ports, word(3), word(7), high);
}

/**
 * The same straight from the bytes from `start` up to `end`, for packets that are only asked for it:
 * IPv4, and IPv6 without extension headers. Undefined also where a closer look is needed.
 */
export function flowAt(
  view: DataView,
  start: number,
  end: number,
  ethertype: number,
): Flow | undefined {
  const have = end - start;
  if (ethertype === ETHERTYPE.IPV4) {
    if (have < IPV4_HEADER_SIZE) return undefined;
    const first = view.getUint8(start);
    const header = (first & 15) * 4;
    const total = view.getUint16(start + IPV4.totalLength) || have;
    if (first >> 4 !== 4 || header < IPV4_HEADER_SIZE || total < header) return undefined;
    const protocol = view.getUint8(start + IPV4.protocol);
    const known = hasPorts(protocol) &&
      (view.getUint16(start + IPV4.fragment) & FRAGMENT.OFFSET) === 0 &&
      Math.min(have, total) >= header + PORTS_SIZE;
    return Flow[MAKE](
      (protocol << 3) | 4,
      known ? view.getInt32(start + header) : 0,
      view.getInt32(start + IPV4.source),
      view.getInt32(start + IPV4.destination),
      undefined,
    );
  }
  if (
    ethertype !== ETHERTYPE.IPV6 || have < IPV6_HEADER_SIZE + PORTS_SIZE ||
    view.getUint8(start) >> 4 !== 6
  ) {
    return undefined;
  }
  const protocol = view.getUint8(start + IPV6.nextHeader);
  // What is shorter than its ports, or has no end of its own, is worth a closer look.
  if (!hasPorts(protocol) || view.getUint16(start + IPV6.payloadLength) < PORTS_SIZE) {
    return undefined;
  }
  const high: High = [
    view.getInt32(start + IPV6.source),
    view.getInt32(start + IPV6.source + 4),
    view.getInt32(start + IPV6.source + 8),
    view.getInt32(start + IPV6.destination),
    view.getInt32(start + IPV6.destination + 4),
    view.getInt32(start + IPV6.destination + 8),
  ];
  return Flow[MAKE](
    (protocol << 3) | 6,
    view.getInt32(start + IPV6_HEADER_SIZE),
    view.getInt32(start + IPV6.source + 12),
    view.getInt32(start + IPV6.destination + 12),
    high,
  );
}

/** The flow of the packet that `bytes` begin with, of which only the first bytes may be there. */
export function quotedFlow(bytes: Uint8Array, ethertype: number): Flow | undefined {
  return flowOf(new Outline(new PacketBytes(bytes), ethertype, 0));
}
