/**
 * The netlink socket of one queue, for PacketQueue and for libipq. Opening and binding go through
 * libnetfilter_queue; packets, verdicts and configuration go straight through the socket.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "../linux/errno.ts";
import { bindFamilies } from "./families.ts";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import { unwatchLinks, watchLinks } from "../linux/change_watch.ts";
import { OutgoingMessage } from "../../ffi/memory.ts";
import { NetlinkSocket } from "../linux/netlink_socket.ts";
import type { ReceiveSlots } from "../linux/receive_slots.ts";
import type { Pointer } from "../../ffi/types.ts";
import { write } from "../base/bytes.ts";
import { adviseOpen } from "./advice.ts";
import { MOST_AT_CLOSE, stopMessage } from "./closing.ts";

/** How a socket is opened. */
export interface QueueSocketOptions {
  /** The queue's number, 0 to 65535. */
  readonly number: number;
  /** Receive buffer in bytes. */
  readonly receiveBuffer: number;
  /** `FAMILY` numbers of the packets that are wanted. */
  readonly families: readonly number[];
}

/** Numbers of the queues that this thread has open. */
const openHere = new Set<number>();

/** Whether this thread has the queue open: while the thread is blocked, nobody decides its packets. */
export function isOpenHere(queue: number): boolean {
  return openHere.has(queue);
}

/** One socket, and at most one queue that it owns. */
export class QueueSocket {
  readonly number: number;
  readonly descriptor: number;
  readonly netlink: NetlinkSocket;
  /** Families whose packets NFQUEUE cannot have. */
  readonly foreignFamilies: readonly number[];

  readonly #handle: Pointer;
  #queueHandle: Pointer | undefined;
  readonly #configuration = new OutgoingMessage(256);
  #closed = false;

  /**
   * Opens the socket; no queue is bound yet.
   *
   * @throws {SystemError} with advice, {LibraryLoadError}
   */
  constructor({ number, receiveBuffer, families }: QueueSocketOptions) {
    prepareErrno();
    const nfq = libnetfilterQueue();
    this.number = number;
    const handle = nfq.nfq_open();
    if (handle === null) throw adviseOpen("nfq_open", threadErrno(), { queue: number });
    try {
      this.#handle = handle;
      this.descriptor = nfq.nfq_fd(handle);
      this.netlink = new NetlinkSocket(this.descriptor);
      this.netlink.connect();
      this.netlink.setReceiveBuffer(receiveBuffer);
      this.foreignFamilies = bindFamilies(handle, families);
      watchLinks();
    } catch (error) {
      nfq.nfq_close(handle);
      throw error;
    }
  }

  /** Whether the queue is this socket's. */
  get bound(): boolean {
    return this.#queueHandle !== undefined;
  }

  /**
   * Makes this socket the queue's owner. The kernel delivers nothing until a copy mode is set: it drops
   * what comes, whatever the rule says of bypass.
   *
   * @returns 0, or the errno
   */
  bind(): number {
    const queueHandle = libnetfilterQueue().nfq_create_queue(
      this.#handle,
      this.number,
      null,
      null,
    );
    if (queueHandle === null) return threadErrno();
    this.#queueHandle = queueHandle;
    openHere.add(this.number);
    return 0;
  }

  /**
   * Sets how many packets may wait. Only before a copy mode is set: the library waits for the answer.
   *
   * @returns 0, or the errno
   */
  setMaxLength(maxLength: number): number {
    const result = libnetfilterQueue().nfq_set_queue_maxlen(this.#queueHandle!, maxLength);
    return result < 0 ? threadErrno() : 0;
  }

  /**
   * Turns switches on (NFQA_CFG_F_*). Only before a copy mode is set.
   *
   * @returns 0, or the errno
   */
  setFlags(bits: number): number {
    const result = libnetfilterQueue().nfq_set_queue_flags(this.#queueHandle!, bits, bits);
    return result < 0 ? threadErrno() : 0;
  }

  /**
   * Fills slots from `first` on without waiting.
   *
   * @returns datagrams received, or the negative errno: EAGAIN when there was none
   */
  receive(memory: ReceiveSlots, first: number, most: number): number {
    return this.netlink.receive(memory.headersFrom(first), most);
  }

  /**
   * Sends the first `length` bytes of a message as one datagram.
   *
   * @returns 0, or the errno
   */
  send(message: OutgoingMessage, length: number): number {
    return this.netlink.send(message, length);
  }

  /**
   * Sends one configuration message; an answer comes with the packets.
   *
   * @returns 0, or the errno
   */
  sendConfiguration(message: Uint8Array): number {
    write(this.#configuration.bytes, 0, message);
    return this.send(this.#configuration, message.length);
  }

  /**
   * No new packets, and those in the socket are thrown away. The kernel drops them with the queue.
   *
   * @param memory may be overwritten
   */
  empty(memory: ReceiveSlots, slots: number): void {
    if (!this.bound || this.sendConfiguration(stopMessage(this.number)) !== 0) return;
    for (let reads = 0; reads < MOST_AT_CLOSE; reads++) {
      if (this.receive(memory, 0, slots) === -ERRNO.EAGAIN) return;
    }
  }

  /**
   * Unbinds and closes; only once nothing is left to read. The library's last call waits for an answer,
   * which a full socket would never get. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#queueHandle !== undefined) openHere.delete(this.number);
    unwatchLinks();
    const nfq = libnetfilterQueue();
    if (this.#queueHandle !== undefined) nfq.nfq_destroy_queue(this.#queueHandle);
    nfq.nfq_close(this.#handle);
  }
}
