/**
 * What a packet's verdict goes to.
 *
 * @module
 */

import type { RejectReason } from "../../answer/reasons.ts";
import type { Unanswered } from "../../answer/unanswered.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import type { Outline } from "../../packet/structure/outline.ts";
import type { PacketBytes } from "../../packet/structure/packet_bytes.ts";
import type { MESSAGE, OUTLINE } from "./friends.ts";

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
  /** Sends packets beside the verdicts; absent where nothing can be sent. */
  readonly answers?: PacketAnswers;
}

/** A packet that is to be answered. It has no verdict yet. */
export interface AnsweredPacket {
  readonly id: number;
  readonly modified: boolean;
  readonly [MESSAGE]: PacketMessage;
  readonly [OUTLINE]: Outline;
}

/** Beside which packet something is sent. */
export interface BesidePacket {
  readonly id: number;
  /** While it has no verdict. */
  readonly message: PacketMessage | undefined;
  /** Whether connection tracking is to see what is sent. */
  readonly tracked: boolean;
}

/** Sends packets beside the verdicts. What throws has sent nothing, or only the first of two resets. */
export interface PacketAnswers {
  /**
   * @returns why nothing was sent; undefined where something was; a mark with which the packet is to be
   * repeated, as the kernel then rejects it
   */
  reject(packet: AnsweredPacket, reason: RejectReason | undefined): Unanswered | undefined | number;
  /** The same with resets to both ends. */
  reset(packet: AnsweredPacket): Unanswered | undefined;
  /** The same with bytes that were checked (`checkOutgoing`). */
  answer(packet: AnsweredPacket, bytes: Uint8Array): Unanswered | undefined;
  /**
   * Sends bytes that were checked, as no answer.
   */
  send(
    bytes: Uint8Array,
    beside: BesidePacket,
  ): void;
}

/** What a verdict carries besides the mark. */
export interface VerdictChanges {
  /** What goes on in the packet's place. */
  readonly payload: Uint8Array | PacketBytes | undefined;
  /** Of `encodeVerdictChanges`. */
  readonly attributes: Uint8Array<ArrayBuffer> | undefined;
}
