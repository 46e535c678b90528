// Where the fields of upper-layer headers begin, in bytes from the start of the header, and what it
// takes to read one.
// What is done for each packet uses these tables under a name of its own module: V8 folds what such a
// name holds, and looks up what is imported at each use, which makes reads a tenth slower.
import type { WireProblem } from "../../base/errors.ts";
import type { PacketBytes } from "./packet_bytes.ts";
import { IP_PROTOCOL } from "./protocols.ts";

/** Of a TCP header (RFC 9293 §3.1). */
export const TCP_OFFSET = {
  sourcePort: 0,
  destinationPort: 2,
  sequenceNumber: 4,
  acknowledgmentNumber: 8,
  dataOffset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgentPointer: 18,
  options: 20,
} as const;

/** Bytes of a TCP header without options. */
export const TCP_HEADER_SIZE = 20;

/** Of a UDP header (RFC 768). */
export const UDP_OFFSET = { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6 } as const;

export const UDP_HEADER_SIZE = 8;

/** Of an ICMP or ICMPv6 header (RFC 792, RFC 4443 §2.1); what follows the checksum is the type's. */
export const ICMP_OFFSET = {
  type: 0,
  code: 1,
  checksum: 2,
  restOfHeader: 4,
  identifier: 4,
  sequenceNumber: 6,
} as const;

export const ICMP_HEADER_SIZE = 8;

/** Looks at a header at `start`, of a packet that ends at `declaredEnd` as the IP header says. */
type Check = (packet: PacketBytes, start: number, declaredEnd: number) => WireProblem | undefined;

/** What it takes to read an upper layer. */
export interface UpperLayout {
  /** What errors call its header. */
  readonly layer: string;
  readonly protocol: number;
  /** Bytes of the header without options. */
  readonly size: number;
  /** Where its checksum stands. */
  readonly checksum: number;
  /** What keeps a header of that size from being read. */
  readonly check: Check | undefined;
  /** What is wrong with a header that can be read, in a packet that is no fragment. */
  readonly doubt: Check | undefined;
}

/** A header that is cut behind its fixed part is fine; one that says it is longer than its packet is not. */
function checkTcp(
  packet: PacketBytes,
  start: number,
  declaredEnd: number,
): WireProblem | undefined {
  const layer = TCP.layer;
  const length = (packet.u8(start + TCP_OFFSET.dataOffset) >> 4) * 4;
  const have = declaredEnd - start;
  if (length < TCP_HEADER_SIZE) {
    return { layer, offset: start, need: TCP_HEADER_SIZE, have: length };
  }
  return length > have ? { layer, offset: start, need: length, have } : undefined;
}

/** A length of 0 stands for "as long as the packet" (RFC 2675). */
function checkUdp(packet: PacketBytes, start: number): WireProblem | undefined {
  const length = packet.u16(start + UDP_OFFSET.length);
  if (length === 0 || length >= UDP_HEADER_SIZE) return undefined;
  return { layer: UDP.layer, offset: start, need: UDP_HEADER_SIZE, have: length };
}

/** UDP's own length is more than IP's. */
function doubtUdp(
  packet: PacketBytes,
  start: number,
  declaredEnd: number,
): WireProblem | undefined {
  const need = packet.u16(start + UDP_OFFSET.length);
  const have = declaredEnd - start;
  return need > have ? { layer: UDP.layer, offset: start, need, have } : undefined;
}

// Objects of one shape, which engines read the quickest.

/** TCP, of either IP version. */
export const TCP: UpperLayout = {
  layer: "tcp header",
  protocol: IP_PROTOCOL.TCP,
  size: TCP_HEADER_SIZE,
  checksum: TCP_OFFSET.checksum,
  check: checkTcp,
  doubt: undefined,
};

/** UDP, of either IP version. */
export const UDP: UpperLayout = {
  layer: "udp header",
  protocol: IP_PROTOCOL.UDP,
  size: UDP_HEADER_SIZE,
  checksum: UDP_OFFSET.checksum,
  check: checkUdp,
  doubt: doubtUdp,
};

/** ICMP, of IPv4. */
export const ICMP: UpperLayout = {
  layer: "icmp header",
  protocol: IP_PROTOCOL.ICMP,
  size: ICMP_HEADER_SIZE,
  checksum: ICMP_OFFSET.checksum,
  check: undefined,
  doubt: undefined,
};

/** ICMPv6, of IPv6. */
export const ICMPV6: UpperLayout = {
  layer: "icmpv6 header",
  protocol: IP_PROTOCOL.ICMPV6,
  size: ICMP_HEADER_SIZE,
  checksum: ICMP_OFFSET.checksum,
  check: undefined,
  doubt: undefined,
};

/** A table by protocol number: one look-up, since each packet needs it. */
function table(layouts: readonly UpperLayout[]): ReadonlyArray<UpperLayout | undefined> {
  return Array.from(
    { length: 256 },
    (_, number) => layouts.find(({ protocol }) => protocol === number),
  );
}

const OVER_IPV4 = table([TCP, UDP, ICMP]);
const OVER_IPV6 = table([TCP, UDP, ICMPV6]);
const CHECKSUMS = Uint8Array.from(
  { length: 256 },
  (_, protocol) => (OVER_IPV4[protocol] ?? OVER_IPV6[protocol])?.checksum ?? 0,
);

/** The layout of this protocol's header; undefined for a protocol without a view. */
export function upperLayout(version: number, protocol: number): UpperLayout | undefined {
  return (version === 4 ? OVER_IPV4 : OVER_IPV6)[protocol];
}

/** Where the checksum stands in the header of a protocol that has a view. */
export function checksumOffset(protocol: number): number {
  return CHECKSUMS[protocol]!;
}
