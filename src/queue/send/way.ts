/**
 * How answers get from here to the ends of a packet.
 *
 * @module
 */

import type { Unanswered } from "../../answer/unanswered.ts";
import { IPV4_OFFSET, IPV6_OFFSET } from "../../packet/structure/ip_layouts.ts";
import type { Outline } from "../../packet/structure/outline.ts";

/** Of IP. */
export type Version = 4 | 6;

/** A packet that answers. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  /** Whether connection tracking may see it. */
  readonly tracked: boolean;
  /** Whether it goes to the receiver of the packet, and not back to its sender. */
  readonly onward: boolean;
}

/** A way, for the answers to one packet. */
export interface Way {
  /** Which end of the packet is not one host alone; undefined where both are. */
  readonly group: Unanswered | undefined;
  /** The source of errors about the packet. */
  readonly ownAddress: Uint8Array;
  /** @throws {SystemError} where nothing can be sent */
  prepare(version: Version): void;
  /** @throws {RangeError | SystemError} */
  send(outgoing: Outgoing): void;
}

const SIZE = { 4: 4, 6: 16 } as const;
const OFFSETS = { 4: IPV4_OFFSET, 6: IPV6_OFFSET } as const;

/** An address of a packet: a copy, 4 bytes or 16. */
export function addressOf(
  { packet, networkOffset, version }: Outline,
  which: "source" | "destination",
): Uint8Array {
  const at = networkOffset + OFFSETS[version as Version][which];
  return packet.subarray(at, at + SIZE[version as Version]).slice();
}

/** Whether a packet of the program's own is for the sender of the packet that it answers. */
export function goesBack(bytes: Uint8Array, outline: Outline): boolean {
  const version = bytes[0]! >> 4 as Version;
  if (version !== outline.version) return false;
  const at = OFFSETS[version].destination;
  return addressOf(outline, "source").every((byte, index) => byte === bytes[at + index]);
}
