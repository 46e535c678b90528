/**
 * What was sent to the kernel, as far as its answers need it: it refuses a message by giving its
 * header back, and for want of a capability a whole datagram by giving the first one's.
 *
 * @module
 */

import type { VerdictKind } from "../report/counters.ts";

/** Datagrams that are remembered: their answers are at most a full socket behind. */
const DATAGRAMS = 1024;
/** A datagram's first sequence number, and its packets by kind of verdict. */
const STRIDE = 5;
/** Where a netlink header has its sequence number. */
const SEQUENCE = 8;
/** Where it has its port id, which holds the tag. */
const TAG = 12;
const KIND_SHIFT = 30;
const PACKETS = (1 << KIND_SHIFT) - 1;

/** Packets by kind of verdict; the last were given the queue's own after the program's was refused. */
export type SentPackets = readonly [
  accepted: number,
  dropped: number,
  other: number,
  swept: number,
];

/** The kind of a verdict that is given again. */
export const SWEPT = 3;
/** What a message's verdict counts as. */
export type SentKind = VerdictKind | typeof SWEPT;

/** Packets of one kind. */
export function sentOnly(kind: SentKind, packets: number): SentPackets {
  return [0, 1, 2, 3].map((other) => other === kind ? packets : 0) as unknown as SentPackets;
}

/** A number that goes along in a message's header: its kind of verdict, and how many it decides. */
export function tagOf(kind: SentKind, packets: number): number {
  return (kind << KIND_SHIFT) | packets;
}

/** What a tag says. */
export function readTag(tag: number): { readonly kind: SentKind; readonly packets: number } {
  return { kind: (tag >>> KIND_SHIFT) as SentKind, packets: tag & PACKETS };
}

/** Adds up what the messages from `start` to `end` decide, from `into[at]` on. */
export function countPackets(
  view: DataView,
  start: number,
  end: number,
  into: { [index: number]: number },
  at = 0,
): void {
  for (let offset = start; offset < end; offset += view.getUint32(offset, true)) {
    const tag = view.getUint32(offset + TAG, true);
    into[at + (tag >>> KIND_SHIFT)]! += tag & PACKETS;
  }
}

/** The last datagrams, by the sequence number of their first message. */
export class SentLog {
  readonly #log = new Uint32Array(DATAGRAMS * STRIDE);
  #at = 0;

  /** A datagram has been sent: the first `length` bytes of `view`. */
  note(view: DataView, length: number): void {
    const log = this.#log;
    log[this.#at] = view.getUint32(SEQUENCE, true);
    log.fill(0, this.#at + 1, this.#at + STRIDE);
    countPackets(view, 0, length, log, this.#at + 1);
    this.#at = (this.#at + STRIDE) % log.length;
  }

  /** What a datagram held; undefined when that is too long ago. */
  find(sequence: number): SentPackets | undefined {
    const log = this.#log;
    for (let back = 1; back < DATAGRAMS; back++) {
      const at = (this.#at + log.length - back * STRIDE) % log.length;
      if (log[at] !== sequence) continue;
      const found: SentPackets = [log[at + 1]!, log[at + 2]!, log[at + 3]!, log[at + 4]!];
      // A datagram is refused once.
      log.fill(0, at, at + STRIDE);
      return found;
    }
    return undefined;
  }
}
