/**
 * The fragments of one datagram that came so far.
 *
 * @module
 */

import { viewOf } from "../../base/bytes.ts";
import { IPV4_OFFSET, IPV6_HEADER_SIZE, IPV6_OFFSET } from "../../packet/structure/ip_layouts.ts";
import { internetChecksum } from "../../packet/structure/checksum.ts";
import { type Fragment, LONGEST } from "./fragment.ts";

/** What a further fragment is. `"overlap"` and `"malformed"` spoil the whole datagram. */
export type Addition = "added" | "duplicate" | "overlap" | "malformed";

/** Explicit congestion notification, in the traffic class: "congestion experienced" is both bits. */
const CONGESTION = 3;

/** Puts a datagram together, in any order: what RFC 815 does with holes, by what is there. */
export class Assembly {
  /** In the order of their data; none touches another's. */
  readonly #pieces: Fragment[] = [];
  #received = 0;
  /** Bytes of all data; known since the last fragment came. */
  #total: number | undefined;
  #congested = false;
  #largest = 0;

  /** Bytes of data that are here. */
  get received(): number {
    return this.#received;
  }

  /** Bytes of the largest fragment, headers included. */
  get largest(): number {
    return this.#largest;
  }

  /** Whether nothing is wanting. */
  get complete(): boolean {
    return this.#received === this.#total;
  }

  /** The bytes of a fragment, as they came. */
  add(fragment: Fragment): Addition {
    const { start, end, more, bytes } = fragment;
    const pieces = this.#pieces;
    // Nearly always behind all others.
    let at = pieces.length;
    while (at > 0 && pieces[at - 1]!.start >= start) at--;
    const [before, next] = [pieces[at - 1], pieces[at]];
    if (next !== undefined && isSame(next, fragment)) return "duplicate";
    // RFC 5722 and RFC 8200: not even the rest of the datagram may be used.
    if ((before?.end ?? 0) > start || (next?.start ?? Infinity) < end) return "overlap";
    const total = this.#total;
    if (!more) {
      if (total !== undefined || next !== undefined) return "malformed";
      this.#total = end;
    } else if (total !== undefined && end >= total) return "malformed";
    pieces.splice(at, 0, fragment);
    this.#received += end - start;
    this.#largest = Math.max(this.#largest, bytes.length);
    this.#congested ||= congestionOf(fragment) === CONGESTION;
    return "added";
  }

  /**
   * The whole packet: the headers of the first fragment, and all data.
   *
   * @returns undefined where its length cannot be said in a header
   */
  join(): Uint8Array<ArrayBuffer> | undefined {
    const first = this.#pieces[0]!;
    const { version, headerLength, protocol, protocolAt } = first;
    const length = headerLength + this.#received;
    const said = version === 4 ? length : length - IPV6_HEADER_SIZE;
    if (said > LONGEST) return undefined;
    const whole = new Uint8Array(new ArrayBuffer(length));
    whole.set(first.bytes.subarray(0, headerLength));
    for (const { bytes, dataAt, start } of this.#pieces) {
      whole.set(bytes.subarray(dataAt), headerLength + start);
    }
    const view = viewOf(whole);
    whole[protocolAt] = protocol;
    if (version === 6) {
      view.setUint16(IPV6_OFFSET.payloadLength, said);
      // The traffic class begins in the middle of the first byte.
      if (this.#congested) whole[1]! |= CONGESTION << 4;
      return whole;
    }
    view.setUint16(IPV4_OFFSET.totalLength, said);
    view.setUint16(IPV4_OFFSET.fragment, view.getUint16(IPV4_OFFSET.fragment) & 0xc000);
    if (this.#congested) whole[IPV4_OFFSET.trafficClass]! |= CONGESTION;
    view.setUint16(IPV4_OFFSET.checksum, 0);
    view.setUint16(IPV4_OFFSET.checksum, internetChecksum(whole, 0, headerLength));
    return whole;
  }
}

function congestionOf({ version, bytes }: Fragment): number {
  return (version === 4 ? bytes[IPV4_OFFSET.trafficClass]! : bytes[1]! >> 4) & CONGESTION;
}

/** Whether two fragments say the same of the same bytes. */
function isSame(a: Fragment, b: Fragment): boolean {
  if (a.start !== b.start || a.end !== b.end || a.more !== b.more) return false;
  const length = a.end - a.start;
  for (let at = 0; at < length; at++) {
    if (a.bytes[a.dataAt + at] !== b.bytes[b.dataAt + at]) return false;
  }
  return true;
}
