/**
 * Packets on their way through a stand-in kernel, and what becomes of them.
 *
 * @module
 */

import { NF_VERDICT, NFQA_CFG_F, NFQNL_COPY } from "../netlink/queue/numbers.ts";
import { encodePacketMessage, type QueuePacketMessage } from "../netlink/queue/packet.ts";
import type { QueueVerdictChanges } from "../netlink/queue/changes.ts";

/** NFPROTO_* and ethertype by the version of an IP header. */
const VERSIONS: Readonly<Record<number, { readonly family: number; readonly hwProtocol: number }>> =
  {
    4: { family: 2, hwProtocol: 0x0800 },
    6: { family: 10, hwProtocol: 0x86dd },
  };
const INPUT = 1;

/**
 * A packet that a rule sends to a queue. Family and ethertype follow from the IP header, the hook is
 * INPUT, unless it is said otherwise.
 */
export interface StandInPacket
  extends Partial<Omit<QueuePacketMessage, "queue" | "sequence" | "id" | "captureLength">> {
  /** All bytes from the network header on. */
  readonly payload: Uint8Array;
  /** The whole packet's length, where `payload` is only its beginning: what a recording has kept. */
  readonly wholeLength?: number | undefined;
}

/** Why a packet went on, or did not. */
export type Cause =
  /** The queue's owner decided it. */
  | "verdict"
  /** Nobody has bound the queue. */
  | "no owner"
  /** The owner has not set a copy mode. */
  | "copy mode"
  /** Too many packets wait already. */
  | "queue full"
  /** The receive buffer of the owner's socket is full. */
  | "socket full"
  /** A device that it came by, or leaves by, went down. */
  | "device down"
  /** The queue was closed. */
  | "closed";

/** What became of a packet. */
export interface Outcome {
  readonly passage: Passage;
  /** `NF_VERDICT` value: DROP, ACCEPT, REPEAT or STOP. */
  readonly verdict: number;
  readonly cause: Cause;
  /** The packet's mark by then. */
  readonly mark: number;
  /** Its bytes by then. */
  readonly payload: Uint8Array;
  /** What else the verdict changed. */
  readonly changes: QueueVerdictChanges;
}

/** One packet on its way. */
export class Passage {
  readonly packet: StandInPacket;
  mark: number;
  payload: Uint8Array;
  changes: QueueVerdictChanges = {};
  /** Undefined while it waits. */
  outcome: Outcome | undefined;
  /** The queue that it was sent to last. */
  queue = -1;
  /** What the program sent beside it, in order. */
  readonly sent: Uint8Array[] = [];
  /** Its id there; 0 where it found no room. */
  id = 0;
  readonly #ended: ((outcome: Outcome) => void) | undefined;

  /** @param ended hears what became of it */
  constructor(packet: StandInPacket, ended?: (outcome: Outcome) => void) {
    this.packet = packet;
    this.#ended = ended;
    this.mark = packet.mark ?? 0;
    this.payload = packet.payload;
  }

  /** Ends it. */
  end(verdict: number, cause: Cause): Outcome {
    const { mark, payload, changes } = this;
    const outcome = { passage: this, verdict, cause, mark, payload, changes };
    this.outcome = outcome;
    this.#ended?.(outcome);
    return outcome;
  }

  /** Whether it came by a device or leaves by it. */
  uses(device: number): boolean {
    const { packet } = this;
    return packet.inDeviceIndex === device || packet.outDeviceIndex === device ||
      packet.physicalInDeviceIndex === device || packet.physicalOutDeviceIndex === device;
  }

  /** The message about it, as nfqnl_build_packet_message makes it. */
  message({ number, id, copyMode, copyRange, flags }: QueueState): Uint8Array {
    const { payload: _, mark: _mark, wholeLength = 0, ...about } = this.packet;
    const whole = this.payload;
    const total = Math.max(whole.length, wholeLength);
    const length = copyMode === NFQNL_COPY.PACKET ? Math.min(whole.length, copyRange) : 0;
    const cut = copyMode === NFQNL_COPY.PACKET && length < total;
    if ((flags & NFQA_CFG_F.UID_GID) === 0) {
      delete about.uid;
      delete about.gid;
    }
    if ((flags & NFQA_CFG_F.CONNTRACK) === 0) {
      delete about.conntrack;
      delete about.conntrackInfo;
    }
    if ((flags & NFQA_CFG_F.SECCTX) === 0) delete about.securityContext;
    return encodePacketMessage({
      ...VERSIONS[whole[0]! >> 4] ?? { family: 0, hwProtocol: 0 },
      hook: INPUT,
      ...about,
      ...{ queue: number, id, sequence: 0 },
      ...(this.mark !== 0 && { mark: this.mark }),
      ...(cut && { captureLength: total }),
      ...(length > 0 && { payload: whole.subarray(0, length) }),
    });
  }
}

/** What the kernel knows of a queue when it makes a message. */
export interface QueueState {
  readonly number: number;
  readonly id: number;
  readonly copyMode: number;
  readonly copyRange: number;
  readonly flags: number;
}

/** The verdict without the number of a queue: `NF_VERDICT_MASK`. */
export function plainVerdict(verdict: number): number {
  return verdict & 0xff;
}

/** Whether the kernel takes a verdict from a program. */
export function isTaken(verdict: number): boolean {
  const plain = plainVerdict(verdict);
  return plain <= NF_VERDICT.STOP && plain !== NF_VERDICT.STOLEN;
}
