// TCP options that are read or changed in a packet's bytes: RFC 9293 §3.2, RFC 2018, RFC 7323, RFC 7413,
// RFC 8684, RFC 2385, RFC 5925.
import { distance, later } from "./bytes/sequence.ts";
import type { Segment } from "./segment.ts";
import type { Translation } from "./bytes/translation.ts";

const KIND = {
  END: 0,
  NO_OPERATION: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
  MD5: 19,
  AUTHENTICATION: 29,
  MULTIPATH: 30,
  FAST_OPEN: 34,
  EXPERIMENT: 254,
} as const;
/** What a fast open cookie among experiments begins with (RFC 7413 §4.1.1). */
const FAST_OPEN_MAGIC = 0xf989;
const MAX_SCALE = 14;

/** The maximum segment size; 536, as for want of the option (RFC 9293 §3.7.1). */
export function segmentSizeOf(segment: Segment): number {
  const at = segment.option(KIND.MSS, 4);
  return at < 0 ? 536 : segment.view.getUint16(at + 2, false);
}

/** The shift of windows; −1 without the option. */
export function windowScaleOf(segment: Segment): number {
  const at = segment.option(KIND.WINDOW_SCALE, 3);
  return at < 0 ? -1 : Math.min(segment.view.getUint8(at + 2), MAX_SCALE);
}

/** Whether its sender understands selective acknowledgments. */
export function permitsSack(segment: Segment): boolean {
  return segment.option(KIND.SACK_PERMITTED, 2) >= 0;
}

/** Where the sender's timestamp stands; −1 where there is none. */
export function timestampAt(segment: Segment): number {
  const { view, tcp, data } = segment;
  // Where it is in nearly all packets.
  if (data - tcp >= 32 && view.getUint32(tcp + 20, false) === 0x0101080a) return tcp + 24;
  const at = data - tcp >= 32 ? segment.option(KIND.TIMESTAMPS, 10) : -1;
  return at < 0 ? -1 : at + 2;
}

/** Whether it is signed: a changed packet would be refused. */
export function isSigned(segment: Segment): boolean {
  return segment.option(KIND.MD5, 0) >= 0 || segment.option(KIND.AUTHENTICATION, 0) >= 0;
}

/**
 * Takes out of a SYN's options, at `from` up to `to` of the bytes, what rewriting cannot follow: fast open,
 * and further paths. Lowers the maximum segment size.
 *
 * @returns whether anything was changed
 */
export function tameOptions(
  view: DataView,
  { from, to, segmentSize }: {
    readonly from: number;
    readonly to: number;
    readonly segmentSize: number;
  },
): boolean {
  let changed = false;
  for (let at = from; at < to;) {
    const kind = view.getUint8(at);
    if (kind === KIND.END) break;
    if (kind === KIND.NO_OPERATION) {
      at++;
      continue;
    }
    const size = at + 1 < to ? view.getUint8(at + 1) : 0;
    if (size < 2 || at + size > to) break;
    if (kind === KIND.MSS && size === 4 && view.getUint16(at + 2, false) > segmentSize) {
      view.setUint16(at + 2, segmentSize, false);
      changed = true;
    }
    const experiment = kind === KIND.EXPERIMENT && size >= 4 &&
      view.getUint16(at + 2, false) === FAST_OPEN_MAGIC;
    if (kind === KIND.FAST_OPEN || kind === KIND.MULTIPATH || experiment) {
      for (let byte = at; byte < at + size; byte++) view.setUint8(byte, KIND.NO_OPERATION);
      changed = true;
    }
    at += size;
  }
  return changed;
}

/**
 * Writes the numbers of the sender into selective acknowledgments, at `at` of the bytes. A block of which
 * nothing is left is taken out.
 */
export function translateSack(view: DataView, at: number, translation: Translation): void {
  const size = view.getUint8(at + 1);
  let put = at + 2;
  for (let block = at + 2; block + 8 <= at + size; block += 8) {
    const first = translation.toInputFrom(view.getInt32(block, false));
    // What is over was forgotten.
    const left = translation.same ? first : later(first, translation.inputStart);
    const right = translation.toInput(view.getInt32(block + 4, false));
    if (distance(right, left) <= 0) continue;
    view.setInt32(put, left, false);
    view.setInt32(put + 4, right, false);
    put += 8;
  }
  const end = at + size;
  if (put === at + 2) put = at;
  else view.setUint8(at + 1, put - at);
  for (; put < end; put++) view.setUint8(put, KIND.NO_OPERATION);
}

/** Where selective acknowledgments stand; −1 where there are none. */
export function sackAt(segment: Segment): number {
  return segment.data - segment.tcp >= 32 ? segment.option(KIND.SACK, 0) : -1;
}
