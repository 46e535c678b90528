/**
 * What a packet's verdict goes to.
 *
 * @module
 */

import type { Packet } from "./packet.ts";

/** Who takes a packet's verdict. */
export interface Decider {
  decide(packet: Packet, verdict: number, mark: number, changes: VerdictChanges | undefined): void;
}

/** What a verdict carries besides the mark. */
export interface VerdictChanges {
  readonly payload: Uint8Array | undefined;
  /** Of `encodeVerdictChanges`. */
  readonly attributes: Uint8Array<ArrayBuffer> | undefined;
}
