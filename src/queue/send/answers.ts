/**
 * Packets that are sent for the program beside the verdicts: answers to packets, and packets of its own.
 *
 * @module
 */

import { icmpError } from "../../answer/icmp_error.ts";
import { OffendingPacket } from "../../answer/offending_packet.ts";
import { reasonFor, type RejectReason, requireTcp } from "../../answer/reasons.ts";
import { resetToReceiver, resetToSender } from "../../answer/reset.ts";
import { TokenBucket } from "../../answer/token_bucket.ts";
import { type AnswerKind, CUT, type Unanswered, whyUnanswered } from "../../answer/unanswered.ts";
import { deviceOf } from "../../linux/devices.ts";
import {
  INJECTED_MARK,
  isOwnMark,
  REJECT_MARKS,
  UNTRACKED_MARK,
} from "../../linux/raw/own_marks.ts";
import { NFQA, NFQA_SKB } from "../../netlink/queue/numbers.ts";
import { kernelRejects, leavesUntracked } from "../../nfqueue/answer_rules.ts";
import type { Kernel, KernelSender } from "../../nfqueue/kernel_queue.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import { cutError } from "../packet/edit_terms.ts";
import { QueueClosedError } from "../packet/errors.ts";
import { FAMILIES } from "../packet/families.ts";
import type { AnsweredPacket, BesidePacket, PacketAnswers } from "../packet/decider.ts";
import { MESSAGE, OUTLINE } from "../packet/friends.ts";
import type { Counters } from "../report/counters.ts";
import type { Settings } from "../settings/options.ts";
import { BridgedWay, isBridged } from "./bridged_way.ts";
import { RoutedWay } from "./routed_way.ts";
import { goesBack, type Outgoing, type Version, type Way } from "./way.ts";

/** What answers need of their queue. */
export interface AnswersLink {
  readonly kernel: Kernel;
  readonly queue: {
    readonly counters: Counters;
    /** Sends the verdicts that were gathered: what goes by a raw socket must not overtake them. */
    flush(): void;
  };
}

/** NF_INET_LOCAL_OUT of linux/netfilter.h. */
const OUTPUT = 3;

/** One queue's sender of packets. Its sockets are opened at the first one. */
export class Answers implements PacketAnswers {
  readonly #number: number;
  readonly #link: AnswersLink;
  readonly #bucket: TokenBucket;
  /** By mark. */
  readonly #senders = new Map<number, KernelSender>();
  #closed = false;

  constructor(
    { number, answersPerSecond }: Pick<Settings, "number" | "answersPerSecond">,
    link: AnswersLink,
  ) {
    this.#number = number;
    this.#link = link;
    this.#bucket = new TokenBucket(answersPerSecond);
  }

  /**
   * Answers a packet that its program rejects.
   *
   * @returns why nothing was sent; undefined where something was; a mark with which the packet is to be
   * repeated, as the kernel then rejects it
   * @throws what `Packet.reject` throws
   */
  reject(
    packet: AnsweredPacket,
    reason: RejectReason | undefined,
  ): Unanswered | undefined | number {
    const offending = offendingOf(packet);
    const chosen = reasonFor(packet[OUTLINE], reason);
    if (isRejectedByKernel(packet, this.#number)) {
      const kind = chosen === "tcp-reset" ? "reset" : "icmp";
      const why = whyNot(packet, { offending, kind, way: this.#way(packet) }) ?? this.#limited();
      if (why !== undefined) return why;
      this.#link.queue.counters.answered++;
      return REJECT_MARKS[chosen];
    }
    if (chosen === "tcp-reset") {
      return this.#answer(packet, offending, "reset", () => [back(resetToSender(offending))]);
    }
    return this.#answer(packet, offending, "icmp", (source) => [
      back(icmpError(offending, { reason: chosen, source: source() })),
    ]);
  }

  /** Resets both ends of a packet's connection, in the same way. */
  reset(packet: AnsweredPacket): Unanswered | undefined {
    requireTcp(packet[OUTLINE].protocol);
    const offending = offendingOf(packet);
    return this.#answer(packet, offending, "reset", () => {
      const toReceiver = resetToReceiver(offending);
      const toSender = resetToSender(offending);
      // The connection's own next packet, as conntrack and a translation of addresses have to see it.
      const onward = toReceiver === undefined
        ? []
        : [{ bytes: toReceiver, tracked: true, onward: true }];
      return [...onward, back(toSender)];
    });
  }

  /** Sends bytes that were checked, as an answer to a packet. */
  answer(packet: AnsweredPacket, bytes: Uint8Array): Unanswered | undefined {
    const way = this.#way(packet);
    way.prepare(versionOf(bytes));
    const onward = !goesBack(bytes, packet[OUTLINE]);
    return this.#sendAnswers([{ bytes, tracked: false, onward }], way);
  }

  /** Sends bytes that were checked. */
  send(bytes: Uint8Array, { id, packet, tracked }: BesidePacket): void {
    if (packet !== undefined && isBridged(packet[MESSAGE])) {
      const way = this.#way(packet);
      way.prepare(versionOf(bytes));
      this.#link.queue.flush();
      return way.send({ bytes, tracked, onward: !goesBack(bytes, packet[OUTLINE]) });
    }
    const sender = this.#sender(tracked);
    sender.prepare(versionOf(bytes));
    this.#link.queue.flush();
    const device = packet === undefined ? 0 : deviceOfPacket(packet[MESSAGE]);
    sender.send(bytes, { device, queue: this.#number, id });
  }

  /** Closes the sockets. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
  }

  #answer(
    packet: AnsweredPacket,
    offending: OffendingPacket,
    kind: AnswerKind,
    make: (source: () => Uint8Array) => readonly Outgoing[],
  ): Unanswered | undefined {
    const way = this.#way(packet);
    const why = whyNot(packet, { offending, kind, way });
    if (why !== undefined) return why;
    way.prepare(packet[OUTLINE].version as Version);
    return this.#sendAnswers(make(() => way.ownAddress), way);
  }

  #way(packet: AnsweredPacket): Way {
    const { id, [MESSAGE]: message } = packet;
    const beside = { device: deviceOfPacket(message), queue: this.#number, id };
    const options = { senderOf: (tracked: boolean) => this.#sender(tracked), beside };
    return isBridged(message) ? new BridgedWay(packet, options) : new RoutedWay(packet, options);
  }

  /** Takes the place of one answer. */
  #limited(): Unanswered | undefined {
    if (this.#bucket.take()) return undefined;
    this.#link.queue.counters.answersLimited++;
    return "limit";
  }

  #sendAnswers(packets: readonly Outgoing[], way: Way): Unanswered | undefined {
    const { queue } = this.#link;
    const limited = this.#limited();
    if (limited !== undefined) return limited;
    queue.flush();
    for (const outgoing of packets) way.send(outgoing);
    queue.counters.answered++;
    return undefined;
  }

  #sender(tracked: boolean): KernelSender {
    if (this.#closed) throw new QueueClosedError(this.#number);
    // A rule that was typed by hand leaves out the first mark alone.
    const mark = tracked || !leavesUntracked() ? INJECTED_MARK : UNTRACKED_MARK;
    let sender = this.#senders.get(mark);
    if (sender === undefined) this.#senders.set(mark, sender = this.#link.kernel.openSender(mark));
    return sender;
  }
}

/** What goes back belongs to no connection that conntrack knows, or to one whose packet it has not seen. */
function back(bytes: Uint8Array): Outgoing {
  return { bytes, tracked: false, onward: false };
}

/**
 * Whether rules of ours lead it to the kernel's REJECT once it is repeated. One that was edited is not the
 * packet that its sender has to read in the answer. One that comes with such a mark met no rule of ours.
 */
function isRejectedByKernel(
  { modified, [MESSAGE]: message }: AnsweredPacket,
  queue: number,
): boolean {
  if (modified || message.family === FAMILIES.bridge) return false;
  return !isOwnMark(message.u32(NFQA.MARK)) && kernelRejects(queue, message.hook);
}

function whyNot(
  packet: AnsweredPacket,
  { offending, kind, way }: {
    readonly offending: OffendingPacket;
    readonly kind: AnswerKind;
    readonly way: Way;
  },
): Unanswered | undefined {
  const why = whyUnanswered(offending, kind);
  if (why === CUT) throw cutError(packet[MESSAGE]);
  return why ?? way.group;
}

function offendingOf({ [MESSAGE]: message, [OUTLINE]: outline }: AnsweredPacket): OffendingPacket {
  const { hook, packetLength, truncated, skbInfo } = message;
  const unfinished = (skbInfo & (NFQA_SKB.CSUMNOTREADY | NFQA_SKB.GSO)) !== 0;
  const device = message.u32(NFQA.IFINDEX_INDEV) ?? 0;
  const local = !isBridged(message) && (hook >= OUTPUT || deviceOf(device)?.name === "lo");
  return new OffendingPacket({ outline, length: packetLength, truncated, unfinished, local });
}

/** The device on the side of the packet's sender, as far as it is known; 0 where it is not. */
function deviceOfPacket(message: PacketMessage): number {
  return message.u32(NFQA.IFINDEX_INDEV) ?? message.u32(NFQA.IFINDEX_OUTDEV) ?? 0;
}

function versionOf(bytes: Uint8Array): Version {
  return bytes[0]! >> 4 as Version;
}
