/**
 * What a packet's verdict goes to.
 *
 * @module
 */

import type { PacketBytes as Frame } from "../../packet/structure/packet_bytes.ts";
import type { Packet } from "./packet.ts";

/** Who takes a packet's verdict. */
export interface Decider {
  decide(packet: Packet, verdict: number, mark: number, changes: VerdictChanges | undefined): void;
}

/** What a verdict carries besides the mark. */
export interface VerdictChanges {
  /** What goes on in the packet's place. */
  readonly payload: Uint8Array | Frame | undefined;
  /** Of `encodeVerdictChanges`. */
  readonly attributes: Uint8Array<ArrayBuffer> | undefined;
}
