/**
 * What was sent to the kernel, as far as its answers need it: it refuses a message by giving its
 * header back, and for want of a capability a whole datagram by giving the first one's.
 *
 * @module
 */

import { type VerdictKind, verdictKind } from "./counters.ts";

/** Datagrams that are remembered: their answers are at most a full socket behind. */
const DATAGRAMS = 1024;
/** A datagram's first sequence number, and its packets by kind of verdict. */
const STRIDE = 4;
/** Where a netlink header has its sequence number. */
const SEQUENCE = 8;
const KIND_SHIFT = 30;
const PACKETS = (1 << KIND_SHIFT) - 1;

/** Packets by kind of verdict. */
export type SentPackets = readonly [accepted: number, dropped: number, other: number];

/** A number that goes along in a message's header: its kind of verdict, and how many it decides. */
export function tagOf(verdict: number, packets: number): number {
  return (verdictKind(verdict) << KIND_SHIFT) | packets;
}

/** What a tag says. */
export function readTag(tag: number): { readonly kind: VerdictKind; readonly packets: number } {
  return { kind: (tag >>> KIND_SHIFT) as VerdictKind, packets: tag & PACKETS };
}

/** The last datagrams, by the sequence number of their first message. */
export class SentLog {
  readonly #log = new Uint32Array(DATAGRAMS * STRIDE);
  #at = 0;

  /** Counts a message of the datagram that is being made. */
  count(tag: number): void {
    this.#log[this.#at + 1 + (tag >>> KIND_SHIFT)]! += tag & PACKETS;
  }

  /** What the datagram that is being made holds. */
  get unsent(): SentPackets {
    const log = this.#log;
    return [log[this.#at + 1]!, log[this.#at + 2]!, log[this.#at + 3]!];
  }

  /** That datagram has been sent; `view` is over it. */
  note(view: DataView): void {
    const log = this.#log;
    log[this.#at] = view.getUint32(SEQUENCE, true);
    const next = this.#at = (this.#at + STRIDE) % log.length;
    log.fill(0, next, next + STRIDE);
  }

  /** What a datagram held; undefined when that is too long ago. */
  find(sequence: number): SentPackets | undefined {
    const log = this.#log;
    for (let back = 1; back < DATAGRAMS; back++) {
      const at = (this.#at + log.length - back * STRIDE) % log.length;
      if (log[at] !== sequence) continue;
      const found: SentPackets = [log[at + 1]!, log[at + 2]!, log[at + 3]!];
      // A datagram is refused once.
      log.fill(0, at, at + STRIDE);
      return found;
    }
    return undefined;
  }
}
