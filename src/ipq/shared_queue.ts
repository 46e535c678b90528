/**
 * One NFQUEUE queue that plays the kernel's ip_queue for at most one IPv4 and one IPv6 handle.
 *
 * @module
 */

import { ERRNO, SystemError } from "../linux/errno.ts";
import { BlockingWait } from "../linux/readiness.ts";
import { ReceiveSlots } from "../linux/receive_slots.ts";
import { IPQ_COPY } from "../netlink/ip_queue/messages.ts";
import { ERROR_MESSAGE_SIZE, NETLINK_HEADER_SIZE, NLMSG } from "../netlink/message.ts";
import { MAX_COPY_RANGE, NF_VERDICT, NFQA } from "../netlink/queue/numbers.ts";
import {
  ATTRIBUTE_STRIDE,
  indexPacketMessage,
  MESSAGE_CUT,
  MESSAGE_OK,
} from "../netlink/queue/packet_index.ts";
import { encodeConfig, type QueueConfig } from "../netlink/queue/config.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";
import { type CopyMode, PacketWriter } from "./packet_writer.ts";
import { inUse } from "./peer.ts";
import type { Pending } from "./pending.ts";
import { flushWaiting } from "../nfqueue/delayed_flush.ts";
import { FAMILY } from "../nfqueue/families.ts";
import { PacketMessage } from "../nfqueue/packet_message.ts";
import { QueueSocket } from "../nfqueue/socket.ts";
import { type Binder, checkFamily, notOpened, Ownership } from "./ownership.ts";
import { Verdicts } from "./verdicts.ts";

/** Receive slots; the wider a receive, the fewer there are. */
const SLOTS = 64;
/** Bytes that headers and attributes may take beside the payload. */
const ROOM = 512;
/** Room for what the kernel's queue holds by default: 1024 packets of the usual size (bytes). */
const RECEIVE_BUFFER = 4 << 20;
const SOL_SOCKET = 1;
const SO_TIMESTAMP = 29;
/** Packets whose verdict is open, for each handle. */
const QUEUE_LENGTH = 1024;
/** Where a netlink header has its sequence number. */
const SEQUENCE = 8;
/** The sequence number of what is sent for no handle. */
const NO_MEMBER = 0;
const NO_BYTES = new Uint8Array(new ArrayBuffer(0));

/** A handle as its queue sees it. */
export interface Member extends Binder {
  /** Also the sequence number of what is sent for it. */
  readonly family: number;
  readonly copy: CopyMode;
  /** Verdicts may leave together. */
  readonly gather: boolean;
  /** Ids of the packets whose verdict is open. */
  readonly undecided: Set<number>;
  /** What was read of those that are longer than NFQUEUE can carry. */
  readonly cut: Map<number, Uint8Array>;
  /** What other reads came upon. */
  readonly pending: Pending;
  /** Takes the kernel's error answer to what was sent for it: the errno and the request. */
  addKernelError(error: number, request: Uint8Array): void;
}

/** The queues of this thread, by number. */
const queues = new Map<number, SharedQueue>();

/** The socket, the receive memory, and the handles that share them. */
export class SharedQueue {
  readonly number: number;
  readonly descriptor: number;

  readonly #socket: QueueSocket;
  readonly #ownership: Ownership;
  readonly #wait: BlockingWait;
  readonly #writer: PacketWriter;
  readonly #members: Member[] = [];
  readonly #verdicts: Verdicts;
  #slotSize = ROOM;
  #slots = new ReceiveSlots({ slots: SLOTS, slotSize: ROOM });
  /** One a slot. */
  #messages = messagesOf(this.#slots, ROOM);
  /** Received slots that nobody has looked at: [#next, #filled). */
  #next = 0;
  #filled = 0;
  /** Datagrams to ask for, and the most. */
  #width = 1;
  #most = SLOTS;

  /**
   * Joins the queue, and opens it for its first handle. Nothing is bound yet.
   *
   * @throws {IpqError} codes 3 and 4 {@link LibraryLoadError}
   */
  static join(number: number, member: Member): SharedQueue {
    const queue = queues.get(number) ?? new SharedQueue(number);
    try {
      if (queue.#memberOf(member.family) !== undefined) throw inUse();
      checkFamily(queue.#socket, member.family);
    } catch (error) {
      if (queue.#members.length === 0) queue.#close();
      throw error;
    }
    queue.#members.push(member);
    queues.set(number, queue);
    // One handle's read must not leave the other's packets where its descriptor does not show them.
    if (queue.#members.length > 1) queue.receiveOneByOne();
    if (queue.#socket.bound) queue.#applyLength();
    return queue;
  }

  private constructor(number: number) {
    this.number = number;
    const socket = openSocket(number);
    this.#socket = socket;
    this.#ownership = new Ownership(socket);
    this.descriptor = socket.descriptor;
    this.#wait = new BlockingWait(this.descriptor);
    this.#writer = new PacketWriter(this.descriptor);
    this.#verdicts = new Verdicts(socket);
  }

  /** Leaves the queue; the last one closes it. The kernel drops what this handle left undecided. */
  leave(member: Member): void {
    // What the socket holds for it is undecided too.
    if (this.#members.length > 1) this.drain();
    this.#members.splice(this.#members.indexOf(member), 1);
    if (this.#members.length === 0) return this.#close();
    for (const id of member.undecided) this.#drop(id);
    this.#verdicts.tryFlush();
    if (this.#socket.bound) this.applyModes(this.#members[0]!);
  }

  /**
   * Makes this socket the queue's owner, as ip_queue makes the first sender its peer.
   *
   * @returns 0, or what ip_queue would answer: EPERM without the capability, EBUSY for an owner
   */
  bind(member: Member): number {
    if (this.#socket.bound) return 0;
    // A getter of the caller's own data may have destroyed the handle in the middle of its call.
    if (this.#members.length === 0) return ERRNO.EBADF;
    const errno = this.#ownership.take(member);
    if (errno !== 0) return errno;
    this.#applyLength();
    // Like ip_queue, which had the kernel note the time of arrival as long as it had a peer.
    this.#socket.netlink.setOption(SOL_SOCKET, SO_TIMESTAMP, 1);
    return 0;
  }

  /**
   * Tells the kernel what the handles want together.
   *
   * @param member who hears of it if the kernel refuses
   * @throws {IpqError} code 12
   */
  applyModes(member: Member): void {
    const copyMode = Math.max(...this.#members.map(({ copy }) => copy.mode));
    const ranges = this.#members.filter(({ copy }) => copy.mode === IPQ_COPY.PACKET)
      .map(({ copy }) => copy.range === 0 ? MAX_COPY_RANGE : copy.range);
    const copyRange = Math.min(Math.max(0, ...ranges), MAX_COPY_RANGE);
    this.#growSlots(copyRange + ROOM);
    this.#configure({ copyMode, copyRange, sequence: member.family });
  }

  /**
   * Sends a verdict; see verdicts.ts for when.
   *
   * @throws {IpqError} code 12
   */
  decide(
    member: Member,
    id: number,
    { verdict, payload }: {
      readonly verdict: number;
      readonly payload?: Uint8Array | undefined;
    },
  ): void {
    // Queued once more means this queue; its number is in the upper half.
    const value = verdict === NF_VERDICT.QUEUE ? (verdict | this.number << 16) >>> 0 : verdict;
    const sequence = member.family;
    if (payload === undefined) {
      const wait = this.#next < this.#filled && member.gather;
      this.#verdicts.add({ sequence, id, verdict: value }, wait);
    } else {
      // The kernel's error answer would carry all of it.
      this.#growSlots(payload.length + ROOM);
      this.#verdicts.addWithPayload(sequence, id, { verdict: value, payload });
    }
    member.undecided.delete(id);
    if (member.cut.size > 0) member.cut.delete(id);
  }

  /**
   * The next packet for a handle, as far as the buffer goes. Other handles' packets, and all that
   * comes behind an error answer, go to the pending lists.
   *
   * @returns bytes of its message, 0 when there is none
   * @throws {IpqError} code 6
   */
  read(member: Member | undefined, buffer: Uint8Array): number {
    while (this.#next < this.#filled || this.#receive(member)) {
      const received = this.#messages[this.#next++]!;
      const taker = this.#take(received);
      if (taker === undefined) continue;
      const length = this.#writer.prepare(received, taker.copy);
      const cut = this.#writer.cutPayload;
      if (cut !== undefined) taker.cut.set(received.id, cut);
      if (taker === member && member.pending.empty) {
        this.#writer.write(buffer);
        return length;
      }
      const message = new Uint8Array(length);
      this.#writer.write(message);
      taker.pending.addPacket(message);
    }
    return 0;
  }

  /** Puts all that has been received into the pending lists: what comes next is newer. */
  drain(): void {
    while (!this.#tryDrain());
  }

  /** From now on no packet stays here unseen: socket and pending lists tell what there is. */
  receiveOneByOne(): void {
    if (this.#most === 1) return;
    this.#width = this.#most = 1;
    this.drain();
  }

  /** Blocks this thread until the socket has something; see BlockingWait. */
  wait(microseconds?: number): number {
    flushWaiting();
    return this.#wait.wait(microseconds);
  }

  /** Whether nothing is left; else more is behind a loss that all handles will hear of. */
  #tryDrain(): boolean {
    try {
      this.read(undefined, NO_BYTES);
      return true;
    } catch (error) {
      if (!(error instanceof IpqError)) throw error;
      // Any other error would only come again.
      return error.errno !== ERRNO.ENOBUFS;
    }
  }

  /** Asks for as many as came last time, and for more when all did: a wider call costs more. */
  #receive(reader: Member | undefined): boolean {
    this.#verdicts.tryFlush();
    const count = this.#socket.receive(this.#slots, 0, this.#width);
    if (count <= 0) {
      if (count === 0 || count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return false;
      // The reader hears of it by this error, the others when they read.
      for (const { pending } of this.#members) {
        if (pending !== reader?.pending) pending.noteOverrun();
      }
      throw new IpqError(IPQ_ERROR.RECEIVE, { errno: -count });
    }
    this.#width = Math.min(count === this.#width ? 2 * count : count, this.#most);
    this.#next = 0;
    this.#filled = count;
    this.#writer.renewDevices();
    return true;
  }

  /** Looks at a received message; gives the handle that its packet is for. */
  #take(message: PacketMessage): Member | undefined {
    const { slot, view, index, base } = message;
    const start = slot * this.#slotSize;
    const end = start + Math.min(this.#slots.length(slot), this.#slotSize);
    const code = indexPacketMessage(view, start, end, index, base);
    if (code !== MESSAGE_OK && (code !== MESSAGE_CUT || index[base + NFQA.PACKET_HDR] === 0)) {
      this.#takeError(start, end);
      return undefined;
    }
    const { id } = message;
    const taker = this.#memberOf(message.family);
    // One handle that never reads must not fill the queue for the other.
    const refused = taker === undefined || taker.copy.mode === IPQ_COPY.NONE ||
      taker.undecided.size >= QUEUE_LENGTH;
    if (refused) {
      this.#drop(id);
      return undefined;
    }
    taker.undecided.add(id);
    return taker;
  }

  #memberOf(family: number): Member | undefined {
    for (const member of this.#members) if (member.family === family) return member;
    return undefined;
  }

  /** The message may be longer than the slot: only what is in it is read. */
  #takeError(start: number, end: number): void {
    const { view, bytes } = this.#slots;
    if (end - start < ERROR_MESSAGE_SIZE || view.getUint16(start + 4, true) !== NLMSG.ERROR) return;
    const error = -view.getInt32(start + NETLINK_HEADER_SIZE, true);
    if (error <= 0) return;
    const request = bytes.slice(start + NETLINK_HEADER_SIZE + 4, end);
    this.#refuse(error, request);
    // Without the capability all that left together is refused, and the first of it answered.
    if (error !== ERRNO.EPERM) return;
    for (const other of this.#verdicts.sent.takeBehind(request)) this.#refuse(error, other);
  }

  /** Tells whom a request was sent for. */
  #refuse(error: number, request: Uint8Array): void {
    const sequence = new DataView(request.buffer).getUint32(SEQUENCE, true);
    this.#memberOf(sequence)?.addKernelError(error, request);
  }

  /** What ip_queue does with packets that nobody has asked for. */
  #drop(id: number): void {
    try {
      this.#verdicts.add({ sequence: NO_MEMBER, id, verdict: NF_VERDICT.DROP }, false);
    } catch (error) {
      // Nobody has asked for it: it stays queued until the queue is closed.
      if (!(error instanceof IpqError)) throw error;
    }
  }

  /** ip_queue had this many for each protocol. */
  #applyLength(): void {
    const maxLength = QUEUE_LENGTH * this.#members.length;
    if (this.#members.length > 1) this.#configure({ maxLength });
  }

  #configure(config: Omit<QueueConfig, "queue">): void {
    const message = encodeConfig({ queue: this.number, ...config });
    const errno = this.#socket.sendConfiguration(message);
    if (errno !== 0) throw new IpqError(IPQ_ERROR.SEND, { errno });
  }

  /** What is in the old memory goes to the pending lists first. */
  #growSlots(bytes: number): void {
    if (bytes <= this.#slotSize) return;
    this.drain();
    const slotSize = (bytes + 7) & ~7;
    this.#slotSize = slotSize;
    this.#slots = new ReceiveSlots({ slots: SLOTS, slotSize });
    this.#next = this.#filled = 0;
    this.#messages = messagesOf(this.#slots, slotSize);
  }

  #close(): void {
    queues.delete(this.number);
    this.#verdicts.close();
    this.#socket.empty(this.#slots, SLOTS);
    this.#socket.close();
  }
}

/** @throws {IpqError} code 3 {@link LibraryLoadError} */
function openSocket(number: number): QueueSocket {
  const families = [FAMILY.IPV4, FAMILY.IPV6];
  try {
    return new QueueSocket({ number, receiveBuffer: RECEIVE_BUFFER, families });
  } catch (error) {
    throw error instanceof SystemError ? notOpened(error) : error;
  }
}

function messagesOf({ view, bytes }: ReceiveSlots, slotSize: number): PacketMessage[] {
  const index = new Int32Array(SLOTS * ATTRIBUTE_STRIDE);
  const store = { view, bytes, index, slotSize, single: false };
  return Array.from({ length: SLOTS }, (_, slot) => new PacketMessage(store, slot));
}
