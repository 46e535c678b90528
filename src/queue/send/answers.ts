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
import { ERRNO, failedCall } from "../../linux/errno.ts";
import {
  INJECTED_MARK,
  isOwnMark,
  REJECT_MARKS,
  UNTRACKED_MARK,
} from "../../linux/raw/own_marks.ts";
import { NFQA, NFQA_SKB } from "../../netlink/queue/numbers.ts";
import { kernelRejects, leavesUntracked } from "../../nfqueue/answer_rules.ts";
import type { Kernel, KernelSender, Route } from "../../nfqueue/kernel_queue.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import { cutError } from "../packet/edit_terms.ts";
import { QueueClosedError, VerdictError } from "../packet/errors.ts";
import { FAMILIES } from "../packet/families.ts";
import type { AnsweredPacket, BesidePacket, PacketAnswers } from "../packet/decider.ts";
import { MESSAGE, OUTLINE } from "../packet/friends.ts";
import type { Counters } from "../report/counters.ts";
import type { Settings } from "../settings/options.ts";

/** What answers need of their queue. */
export interface AnswersLink {
  readonly kernel: Kernel;
  readonly queue: {
    readonly counters: Counters;
    /** Sends the verdicts that were gathered: what goes by a raw socket must not overtake them. */
    flush(): void;
  };
}

/** NF_INET_* of linux/netfilter.h. */
const HOOK = { INPUT: 1, OUTPUT: 3 } as const;
/** The first byte of IPv4's own addresses. */
const LOOPBACK = 127;
type Version = 4 | 6;
/** Where the addresses are in an IP header. */
const ADDRESSES = {
  4: { source: [12, 16], destination: [16, 20] },
  6: { source: [8, 24], destination: [24, 40] },
} as const;

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
    checkFamily(packet);
    const offending = offendingOf(packet);
    const chosen = reasonFor(packet[OUTLINE], reason);
    if (isRejectedByKernel(packet, this.#number)) {
      const kind = chosen === "tcp-reset" ? "reset" : "icmp";
      const why = whyNot(packet, { offending, kind, routes: this.#routes(packet) }) ??
        this.#limited();
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
    checkFamily(packet);
    requireTcp(packet[OUTLINE].protocol);
    const offending = offendingOf(packet);
    return this.#answer(packet, offending, "reset", () => {
      const toReceiver = resetToReceiver(offending);
      const toSender = resetToSender(offending);
      // The connection's own next packet, as conntrack and a translation of addresses have to see it.
      const onward = toReceiver === undefined ? [] : [{ bytes: toReceiver, tracked: true }];
      return [...onward, back(toSender)];
    });
  }

  /** Sends bytes that were checked, as an answer to a packet. */
  answer(packet: AnsweredPacket, bytes: Uint8Array): Unanswered | undefined {
    checkFamily(packet);
    this.#ready(versionOf(bytes), false);
    return this.#sendAnswers([back(bytes)], packet);
  }

  /** Sends bytes that were checked. */
  send(bytes: Uint8Array, { id, message, tracked }: BesidePacket): void {
    const sender = this.#ready(versionOf(bytes), tracked);
    this.#link.queue.flush();
    const device = message === undefined ? 0 : deviceOfPacket(message);
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
    const routes = this.#routes(packet);
    const why = whyNot(packet, { offending, kind, routes });
    if (why !== undefined) return why;
    this.#ready(packet[OUTLINE].version as Version, false);
    return this.#sendAnswers(make(() => routes.ownAddress), packet);
  }

  #routes(packet: AnsweredPacket): Routes {
    const version = packet[OUTLINE].version as Version;
    const device = deviceOfPacket(packet[MESSAGE]);
    return new Routes(packet, { sender: () => this.#sender(false), version, device });
  }

  /** Takes the place of one answer. */
  #limited(): Unanswered | undefined {
    if (this.#bucket.take()) return undefined;
    this.#link.queue.counters.answersLimited++;
    return "limit";
  }

  #sendAnswers(packets: readonly Outgoing[], packet: AnsweredPacket): Unanswered | undefined {
    const { queue } = this.#link;
    const limited = this.#limited();
    if (limited !== undefined) return limited;
    queue.flush();
    const { id, [MESSAGE]: message } = packet;
    const beside = { device: deviceOfPacket(message), queue: this.#number, id };
    for (const { bytes, tracked } of packets) {
      this.#ready(versionOf(bytes), tracked).send(bytes, beside);
    }
    queue.counters.answered++;
    return undefined;
  }

  #ready(version: Version, tracked: boolean): KernelSender {
    const sender = this.#sender(tracked);
    sender.prepare(version);
    return sender;
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

/** The ways to the addresses of a packet. */
class Routes {
  readonly #packet: AnsweredPacket;
  readonly #sender: () => KernelSender;
  readonly #version: Version;
  readonly #device: number;
  #toSource: Route | undefined;
  #toDestination: Route | undefined;

  constructor(
    packet: AnsweredPacket,
    { sender, version, device }: {
      readonly sender: () => KernelSender;
      readonly version: Version;
      readonly device: number;
    },
  ) {
    this.#packet = packet;
    this.#sender = sender;
    this.#version = version;
    this.#device = device;
  }

  /** Which of the addresses is a broadcast of a network that this host is in. */
  get broadcast(): Unanswered | undefined {
    if (this.#version === 6) return undefined;
    if (this.#destination().errno === ERRNO.EACCES) return "destination";
    return this.#source().errno === ERRNO.EACCES ? "source" : undefined;
  }

  /**
   * What this host answers with (RFC 1812 §4.3.2.4, RFC 4443 §2.2): the address that the packet was for, if
   * it is one of its own; else the one that it has towards the sender.
   *
   * @throws {SystemError} when there is no way to the sender
   */
  get ownAddress(): Uint8Array {
    const destination = this.#address("destination");
    const { hook } = this.#packet[MESSAGE];
    // All of 127.0.0.0/8 is its own, and 127.0.0.1 is the way's.
    if (hook === HOOK.INPUT || (this.#version === 4 && destination[0] === LOOPBACK)) {
      return destination;
    }
    const { source } = this.#destination();
    if (source?.every((byte, at) => byte === destination[at])) return destination;
    const back = this.#source();
    if (back.source !== undefined) return back.source;
    throw failedCall("connect", back.errno, "This host has no way to the packet's sender");
  }

  #source(): Route {
    return this.#toSource ??= this.#route("source");
  }

  #destination(): Route {
    return this.#toDestination ??= this.#route("destination");
  }

  #route(which: "source" | "destination"): Route {
    return this.#sender().routeTo(this.#version, this.#address(which), this.#device);
  }

  #address(which: "source" | "destination"): Uint8Array {
    const { packet, networkOffset } = this.#packet[OUTLINE];
    const [start, end] = ADDRESSES[this.#version][which];
    return packet.subarray(networkOffset + start, networkOffset + end).slice();
  }
}

/** A packet that answers, and whether connection tracking may see it. */
interface Outgoing {
  readonly bytes: Uint8Array;
  readonly tracked: boolean;
}

/** What goes back belongs to no connection that conntrack knows, or to one whose packet it has not seen. */
function back(bytes: Uint8Array): Outgoing {
  return { bytes, tracked: false };
}

/**
 * Whether rules of ours lead it to the kernel's REJECT once it is repeated. One that was edited is not the
 * packet that its sender has to read in the answer. One that comes with such a mark met no rule of ours.
 */
function isRejectedByKernel(
  { modified, [MESSAGE]: message }: AnsweredPacket,
  queue: number,
): boolean {
  return !modified && !isOwnMark(message.u32(NFQA.MARK)) && kernelRejects(queue, message.hook);
}

function whyNot(
  packet: AnsweredPacket,
  { offending, kind, routes }: {
    readonly offending: OffendingPacket;
    readonly kind: AnswerKind;
    readonly routes: Routes;
  },
): Unanswered | undefined {
  const why = whyUnanswered(offending, kind);
  if (why === CUT) throw cutError(packet[MESSAGE]);
  return why ?? routes.broadcast;
}

function offendingOf({ [MESSAGE]: message, [OUTLINE]: outline }: AnsweredPacket): OffendingPacket {
  const { hook, packetLength, truncated, skbInfo } = message;
  const unfinished = (skbInfo & (NFQA_SKB.CSUMNOTREADY | NFQA_SKB.GSO)) !== 0;
  const device = message.u32(NFQA.IFINDEX_INDEV) ?? 0;
  const local = hook >= HOOK.OUTPUT || deviceOf(device)?.name === "lo";
  return new OffendingPacket({ outline, length: packetLength, truncated, unfinished, local });
}

/** The device on the side of the packet's sender, as far as it is known; 0 where it is not. */
function deviceOfPacket(message: PacketMessage): number {
  return message.u32(NFQA.IFINDEX_INDEV) ?? message.u32(NFQA.IFINDEX_OUTDEV) ?? 0;
}

function versionOf(bytes: Uint8Array): Version {
  return bytes[0]! >> 4 as Version;
}

/** @throws {VerdictError} where an answer would be routed, and the packet was not */
function checkFamily({ id, [MESSAGE]: message }: AnsweredPacket): void {
  if (message.family !== FAMILIES.bridge) return;
  throw new VerdictError(
    id,
    "packets of the bridge family cannot be answered: answers are routed, and bridged packets are not",
  );
}
