/**
 * What a verdict message decides, in its own header: the kernel refuses a message by giving that back.
 *
 * @module
 */

import type { VerdictKind } from "../report/counters.ts";

/** Where a netlink header has its port id, which holds the tag. */
const TAG = 12;
/** Where it has its sequence number, which is the packet's id. */
const SEQUENCE = 8;
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

/** The packet that the first message is about. */
export function packetOf(view: DataView): number {
  return view.getUint32(SEQUENCE, true);
}

/** What a tag says. */
export function readTag(tag: number): { readonly kind: SentKind; readonly packets: number } {
  return { kind: (tag >>> KIND_SHIFT) as SentKind, packets: tag & PACKETS };
}

/** What the messages from `start` to `end` decide. */
export function countPackets(view: DataView, start: number, end: number): SentPackets {
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  for (let offset = start; offset < end; offset += view.getUint32(offset, true)) {
    const tag = view.getUint32(offset + TAG, true);
    counts[tag >>> KIND_SHIFT]! += tag & PACKETS;
  }
  return counts;
}
