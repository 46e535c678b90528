/**
 * The packet that an answer is about: the "offending datagram" of RFC 1122.
 *
 * @module
 */

import { PacketBytes } from "../packet/structure/packet_bytes.ts";
import { Outline } from "../packet/structure/outline.ts";
import { finishHeader, finishUpper } from "../packet/structure/sums.ts";
import { checksumOffset } from "../packet/structure/upper_layouts.ts";
import { isUnsummed } from "../packet/structure/sums.ts";

/** What is known of it. */
export interface PacketFacts {
  /** Its headers; it begins with the IP header. */
  readonly outline: Outline;
  /** Bytes of the whole packet, captured or not. */
  readonly length: number;
  /** Only a part of it was captured. */
  readonly truncated: boolean;
  /** Its transport checksum is not computed yet, or it is several segments in one. */
  readonly unfinished: boolean;
  /** It comes from this host: its addresses may be loopback's. */
  readonly local: boolean;
}

/** A packet that may be answered. Nothing here changes it. */
export class OffendingPacket {
  readonly outline: Outline;
  readonly length: number;
  readonly truncated: boolean;
  readonly local: boolean;
  readonly #unfinished: boolean;
  #finished: Outline | undefined;

  constructor({ outline, length, truncated, unfinished, local }: PacketFacts) {
    this.outline = outline;
    this.length = length;
    this.truncated = truncated;
    this.#unfinished = unfinished;
    this.local = local;
  }

  /** The captured bytes as they would be on the wire: with its checksum, where it can be computed. */
  get bytes(): Uint8Array {
    const { outline } = this;
    const { packet } = this.#unfinished ? this.#copy() : outline;
    return packet.subarray(0, outline.end);
  }

  /** Whether its checksum is wrong. False where that cannot be told from what was captured. */
  get damaged(): boolean {
    const { outline } = this;
    if (this.#unfinished || this.truncated || isUnsummed(outline) || !outline.whole) return false;
    if (!outline.readable) return false;
    const copy = this.#copy();
    const at = outline.upperOffset + checksumOffset(outline.protocol);
    // Ones' complement has two zeros.
    return outline.packet.u16(at) % 0xffff !== copy.packet.u16(at) % 0xffff;
  }

  #copy(): Outline {
    if (this.#finished !== undefined) return this.#finished;
    const { packet, ethertype } = this.outline;
    const copy = new Outline(new PacketBytes(new Uint8Array(packet.subarray())), ethertype, 0);
    if (finishUpper(copy) && copy.version === 4) finishHeader(copy);
    return this.#finished = copy;
  }
}
