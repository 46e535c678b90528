/**
 * A stand-in for the kernel's nfnetlink_queue: packets are given to it, and it does with them, with
 * verdicts and with configurations what net/netfilter/nfnetlink_queue.c, nfnetlink.c and af_netlink.c do.
 * No system call is made.
 *
 * @module
 */

import { ERRNO, failedCall } from "../linux/errno.ts";
import { FLAG_BITS, type QueueFlags } from "../nfqueue/flags.ts";
import type { Kernel, KernelQueueOptions, SlotShape } from "../nfqueue/kernel_queue.ts";
import type { QueueStatistics } from "../nfqueue/queue_table.ts";
import { align4, encodeAnswer, NETLINK_HEADER_SIZE, NLM_F, NLMSG } from "../netlink/message.ts";
import { decodeConfig } from "../netlink/queue/config.ts";
import { queueAt } from "../netlink/queue/header.ts";
import {
  NF_VERDICT,
  NF_VERDICT_FLAG_QUEUE_BYPASS,
  QUEUE_HEADER_SIZE,
  QUEUE_MESSAGE,
} from "../netlink/queue/numbers.ts";
import { decodeVerdict, decodeVerdictBatch } from "../netlink/queue/verdict.ts";
import { viewOf } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { StandInMessage, StandInSlots } from "./memory.ts";
import { type Cause, type Outcome, Passage, plainVerdict, type StandInPacket } from "./passage.ts";
import { StandInQueue } from "./queue.ts";
import { type SentPacket, StandInSender } from "./sender.ts";
import { StandInSocket } from "./socket.ts";

const ENODEV = 19;
/** The first netlink port. */
const FIRST_PORT = 4242;

/** A socket and the queue that it owns. */
interface Bound {
  readonly queue: StandInQueue;
  readonly socket: StandInSocket;
}

/** How a stand-in begins. */
export interface StandInOptions {
  /** The id of each queue's first packet; the kernel's is 1. Ids wrap around behind 2³²−1. */
  readonly firstId?: number;
}

/** A kernel of its own: what one does another does not see. */
export class StandInKernel implements Kernel {
  /** What became of the packets, in the order in which they went on. */
  readonly outcomes: Outcome[] = [];
  /** What the program sent beside its verdicts, in order. */
  readonly sent: SentPacket[] = [];
  /** Whether the program has CAP_NET_ADMIN; without it no verdict leaves. */
  capable = true;
  /** The errno that sends fail with; 0 for none. */
  sendErrno = 0;
  /** The errno of reading the table of queues; 0 for none, EACCES (13) for an ordinary user. */
  tableErrno = 0;
  /** Called when the program blocks its thread (`runSync`) and nothing is there to receive. */
  onBlocked: (milliseconds: number) => void = () => {};

  readonly #firstId: number;
  readonly #bound = new Map<number, Bound>();
  #nextPort = FIRST_PORT;
  #changes = 0;

  constructor({ firstId = 1 }: StandInOptions = {}) {
    this.#firstId = firstId;
  }

  receiveMemory(shape: SlotShape): StandInSlots {
    return new StandInSlots(shape);
  }

  sendMemory(capacity: number): StandInMessage {
    return new StandInMessage(capacity);
  }

  openSender(mark: number): StandInSender {
    return new StandInSender((bytes, { queue, id }, header) => {
      this.sent.push({ bytes, mark, ...(header && { header }) });
      this.#bound.get(queue)?.queue.passage(id)?.sent.push(bytes);
    });
  }

  open(options: KernelQueueOptions): StandInSocket {
    const { number, maxLength, flags } = options;
    const taken = this.#bound.get(number);
    if (!this.capable || taken !== undefined) {
      const advice = taken && `Queue ${number} of this kernel is open already`;
      throw failedCall("nfq_create_queue", ERRNO.EPERM, advice);
    }
    const portId = this.#nextPort++;
    const socket: StandInSocket = new StandInSocket({ ...options, portId }, {
      capable: () => this.capable,
      take: (datagram) => this.#take(portId, socket, datagram),
      blocked: (milliseconds) => this.onBlocked(milliseconds),
      numbers: () => ({
        statistics: this.tableErrno === 0 ? this.statistics(number) : undefined,
        errno: this.tableErrno,
      }),
      changes: () => this.#changes,
      closed: () => this.#unbind(number, portId),
    });
    const queue = new StandInQueue({ number, portId, lastId: (this.#firstId - 1) >>> 0 }, {
      deliver: (message) => socket.deliver(message),
      goOn: (passage, verdict, cause) => this.#goOn(passage, verdict, cause),
      unbind: () => this.#unbind(number, portId),
    });
    const bits = bitsOf(flags);
    queue.configure({
      queue: number,
      flags: bits,
      mask: bits,
      ...(maxLength !== undefined && { maxLength }),
    });
    this.#bound.set(number, { queue, socket });
    return socket;
  }

  /** A test has no exit that must wait for verdicts. */
  onExit(): () => void {
    return () => {};
  }

  /**
   * A rule sends a packet to a queue.
   *
   * @param bypass whether it passes where the queue has no owner (`--queue-bypass`)
   * @param ended hears what became of it
   */
  send(
    number: number,
    packet: StandInPacket,
    { bypass = false, ended }: {
      readonly bypass?: boolean;
      readonly ended?: (outcome: Outcome) => void;
    } = {},
  ): Passage {
    const passage = new Passage(packet, ended);
    this.#enqueue(number, passage, bypass);
    return passage;
  }

  /** A device goes down: packets that wait, and came by it or leave by it, are dropped. */
  takeDown(device: number): void {
    this.#changes++;
    for (const { queue } of this.#bound.values()) {
      queue.flush("device down", (passage) => passage.uses(device));
    }
  }

  /** A signal for a program that blocks its thread. */
  interrupt(number: number): void {
    this.#bound.get(number)?.socket.interrupt();
  }

  /** A datagram that no nfnetlink_queue sends, into a queue's socket. False when it is full. */
  inject(number: number, datagram: Uint8Array): boolean {
    return this.#bound.get(number)?.socket.deliver(datagram) ?? false;
  }

  /** A queue's line in the table of queues; undefined where nobody has bound it. */
  statistics(number: number): QueueStatistics | undefined {
    return this.#bound.get(number)?.queue.statistics;
  }

  /** Ids of the packets that wait in a queue, oldest first. */
  waiting(number: number): readonly number[] {
    return this.#bound.get(number)?.queue.waiting ?? [];
  }

  #enqueue(number: number, passage: Passage, bypass: boolean): void {
    passage.queue = number;
    passage.id = 0;
    const bound = this.#bound.get(number);
    if (bound !== undefined) return bound.queue.add(passage);
    this.#goOn(passage, bypass ? NF_VERDICT.ACCEPT : NF_VERDICT.DROP, "no owner");
  }

  /** nf_reinject: the packet goes on, or to another queue. */
  #goOn(passage: Passage, verdict: number, cause: Cause): void {
    const plain = plainVerdict(verdict);
    if (plain === NF_VERDICT.QUEUE) {
      const bypass = (verdict & NF_VERDICT_FLAG_QUEUE_BYPASS) !== 0;
      return this.#enqueue(verdict >>> 16, passage, bypass);
    }
    this.outcomes.push(passage.end(plain, cause));
  }

  #unbind(number: number, portId: number): void {
    const queue = this.#bound.get(number)?.queue;
    // It may have been unbound before, and be another's by now.
    if (queue?.portId !== portId) return;
    this.#bound.delete(number);
    queue.flush("closed");
  }

  /** nfnetlink_rcv and netlink_rcv_skb: the messages of one datagram, one after the other. */
  #take(portId: number, socket: StandInSocket, datagram: Uint8Array): number {
    if (this.sendErrno !== 0) return this.sendErrno;
    const view = viewOf(datagram);
    for (let at = 0; view.byteLength - at >= NETLINK_HEADER_SIZE;) {
      const length = view.getUint32(at, true);
      if (length < NETLINK_HEADER_SIZE || length > view.byteLength - at) return 0;
      const message = datagram.subarray(at, at + length);
      // A configuration. Nothing in it is looked at without the capability, and its first message is answered.
      if (!this.capable) {
        this.#answer(socket, message, { portId, error: ERRNO.EPERM });
        return 0;
      }
      const flags = view.getUint16(at + 6, true);
      const error = (flags & NLM_F.REQUEST) === 0 ? 0 : this.#handle(portId, message);
      if (error !== 0 || (flags & NLM_F.ACK) !== 0) {
        this.#answer(socket, message, { portId, error });
      }
      at += align4(length);
    }
    return 0;
  }

  /** nfnetlink_rcv_msg. @returns 0, or the errno of the answer */
  #handle(portId: number, message: Uint8Array): number {
    const view = viewOf(message);
    const type = view.getUint16(4, true);
    if (type < NLMSG.MIN_TYPE) return 0;
    const handler = HANDLERS[type];
    if (handler === undefined || message.length < QUEUE_HEADER_SIZE) return ERRNO.EINVAL;
    const queue = this.#bound.get(queueAt(view, 0))?.queue;
    if (queue === undefined) return ENODEV;
    if (queue.portId !== portId) return ERRNO.EPERM;
    try {
      return handler(queue, message);
    } catch (error) {
      if (error instanceof WireError) return ERRNO.EINVAL;
      throw error;
    }
  }

  /** netlink_ack, with NETLINK_CAP_ACK: the header of what is answered, whose tag comes back too. */
  #answer(
    socket: StandInSocket,
    message: Uint8Array,
    { portId, error }: { readonly portId: number; readonly error: number },
  ): void {
    socket.deliver(encodeAnswer({
      ...{ error, portId, flags: NLM_F.CAPPED },
      sequence: viewOf(message).getUint32(8, true),
      request: message.subarray(0, NETLINK_HEADER_SIZE),
    }));
  }
}

/** What the kernel does with each message. */
const HANDLERS: Readonly<Record<number, (queue: StandInQueue, message: Uint8Array) => number>> = {
  [QUEUE_MESSAGE.VERDICT]: (queue, message) => queue.decide(decodeVerdict(message)),
  [QUEUE_MESSAGE.VERDICT_BATCH]: (queue, message) => queue.decideUpTo(decodeVerdictBatch(message)),
  [QUEUE_MESSAGE.CONFIG]: (queue, message) => queue.configure(decodeConfig(message)),
};

function bitsOf(flags: QueueFlags): number {
  let bits = 0;
  for (const [name, bit] of Object.entries(FLAG_BITS)) {
    if (flags[name as keyof QueueFlags]) bits |= bit;
  }
  return bits;
}
