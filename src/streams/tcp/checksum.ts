// Whether the TCP checksum of a received segment is right. A wrong one is dropped by its receiver, so
// nobody may take its bytes for the connection's.
import { checksumAddView, checksumFinish } from "../../packet/structure/checksum.ts";
import { IP_PROTOCOL } from "../../packet/structure/protocols.ts";

/** What is read of a segment. */
export interface SummedSegment {
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly version: 4 | 6;
  readonly tcp: number;
}

/** Where source and destination stand in an IP header. */
const ADDRESSES = { 4: [12, 20], 6: [8, 40] } as const;
const PLAIN = { 4: 20, 6: 40 } as const;

/** False only where it is known to be wrong. */
export function isRightChecksum({ view, start, end, version, tcp }: SummedSegment): boolean {
  // Options and extension headers may hold the addresses that are covered: not looked at.
  if (tcp - start !== PLAIN[version]) return true;
  const [from, to] = ADDRESSES[version];
  const sum = checksumAddView(view, start + from, start + to, IP_PROTOCOL.TCP + end - tcp);
  return checksumFinish(checksumAddView(view, tcp, end, sum)) === 0;
}
