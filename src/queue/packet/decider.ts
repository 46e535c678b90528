/**
 * What a packet's verdict goes to.
 *
 * @module
 */

import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import type { PacketBytes } from "../../packet/structure/packet_bytes.ts";
import type { MESSAGE } from "./friends.ts";

/** A packet that gets its verdict. */
export interface Undecided {
  readonly id: number;
  /** Asked for when it is needed: until the verdict finds room the packet may move. */
  readonly [MESSAGE]: PacketMessage;
}

/** Takes the verdicts of packets. */
export interface Decider {
  /** @throws when it cannot; the packet is then still undecided */
  decide(
    packet: Undecided,
    verdict: number,
    mark: number,
    changes: VerdictChanges | undefined,
  ): void;
}

/** What a verdict carries besides the mark. */
export interface VerdictChanges {
  /** What goes on in the packet's place. */
  readonly payload: Uint8Array | PacketBytes | undefined;
  /** Of `encodeVerdictChanges`. */
  readonly attributes: Uint8Array<ArrayBuffer> | undefined;
}
