/**
 * The netlink socket of one queue. Opening and configuring go through libnetfilter_queue, packets
 * and verdicts straight through the socket.
 *
 * @module
 */

import { ERRNO, prepareErrno, SystemError, threadErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { libnetfilterQueue } from "../../ffi/libnetfilter_queue.ts";
import { NativeMemory, OutgoingMessage } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";
import { adviseOpen } from "./advice.ts";
import { FLAG_BITS, type QueueFlags, type Settings } from "./options.ts";

const MSG_DONTWAIT = 0x40;
/** msg_flags: the datagram was longer than its slot. */
export const MSG_TRUNC = 0x20;
const AF_NETLINK = 16;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const POLLIN = 1;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
/** A send buffer that takes our largest datagram whatever the system's default is. */
const SEND_BUFFER = 256 * 1024;
/** Times a send that found no memory is tried again before the caller hears of it. */
const SEND_TRIES = 16;

const ONE_DESCRIPTOR = 1n;

/** A bound netlink socket; closing it lets the kernel drop what is left in the queue. */
export class QueueSocket {
  readonly descriptor: number;
  /** The netlink port that owns the queue, as /proc/net/netfilter/nfnetlink_queue shows it. */
  readonly portId: number;

  readonly #handle: Pointer;
  readonly #queueHandle: Pointer;
  readonly #libc = libc();
  readonly #waiting = new NativeMemory(8);
  readonly #configuration = new OutgoingMessage(256);
  #closed = false;

  /**
   * Opens, binds and sets the flags. The kernel delivers nothing until a copy mode is set.
   *
   * @throws {SystemError} with advice, {LibraryLoadError}
   */
  constructor(settings: Settings) {
    prepareErrno();
    const nfq = libnetfilterQueue();
    const { number, maxLength } = settings;
    const handle = nfq.nfq_open();
    if (handle === null) throw adviseOpen("nfq_open", { errno: threadErrno(), queue: number });
    try {
      this.#handle = handle;
      this.descriptor = nfq.nfq_fd(handle);
      // The library does not: a child process would keep the queue bound.
      this.#libc.fcntl(this.descriptor, F_SETFD, FD_CLOEXEC);
      const queueHandle = nfq.nfq_create_queue(handle, number, null, null);
      if (queueHandle === null) {
        throw adviseOpen("nfq_create_queue", { errno: threadErrno(), queue: number });
      }
      this.#queueHandle = queueHandle;
      if (maxLength !== undefined && nfq.nfq_set_queue_maxlen(queueHandle, maxLength) < 0) {
        throw new SystemError("nfq_set_queue_maxlen", { errno: threadErrno() });
      }
      this.#setFlags(settings.flags);
      this.portId = this.#readPortId();
      this.#connect();
      this.#tune(settings);
    } catch (error) {
      nfq.nfq_close(handle);
      throw error;
    }
    this.#waiting.view.setInt32(0, this.descriptor, true);
    this.#waiting.view.setInt16(4, POLLIN, true);
  }

  /**
   * Fills slots without waiting.
   *
   * @returns datagrams received, or the negative errno
   */
  receive(headers: Pointer, slots: number): number {
    const count = this.#libc.recvmmsg(this.descriptor, headers, slots, MSG_DONTWAIT, null);
    return count < 0 ? -threadErrno() : count;
  }

  /**
   * Blocks this thread until a packet is there.
   *
   * @param milliseconds at most this long, -1 for ever
   * @returns what happened; "signal" where one was delivered to this thread
   */
  wait(milliseconds: number): "readable" | "timeout" | "signal" {
    const ready = this.#libc.poll(this.#waiting.pointer, ONE_DESCRIPTOR, milliseconds);
    if (ready > 0) return "readable";
    if (ready === 0) return "timeout";
    const errno = threadErrno();
    if (errno === ERRNO.EINTR) return "signal";
    throw new SystemError("poll", { errno });
  }

  /**
   * Sends the first `length` bytes of a message as one datagram.
   *
   * @throws {SystemError}
   */
  send(message: OutgoingMessage, length: number): void {
    const header = message.prepare(length);
    for (let tries = 1;; tries++) {
      if (this.#libc.sendmsg(this.descriptor, header, MSG_DONTWAIT) >= 0) return;
      const errno = threadErrno();
      if (errno === ERRNO.EINTR) continue;
      const passing = errno === ERRNO.ENOBUFS || errno === ERRNO.EAGAIN || errno === ERRNO.ENOMEM;
      if (!passing || tries >= SEND_TRIES) throw new SystemError("sendmsg", { errno });
    }
  }

  /** Sends one configuration message; its acknowledgement comes with the packets. */
  sendConfiguration(message: Uint8Array): void {
    this.#configuration.bytes.set(message);
    this.send(this.#configuration, message.length);
  }

  /** Unbinds and closes; only once nothing is left to read. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const nfq = libnetfilterQueue();
    nfq.nfq_destroy_queue(this.#queueHandle);
    nfq.nfq_close(this.#handle);
  }

  /** One at a time, so that a refusal names its switch. */
  #setFlags(flags: QueueFlags): void {
    const nfq = libnetfilterQueue();
    for (const [name, bit] of Object.entries(FLAG_BITS)) {
      if (!flags[name as keyof QueueFlags]) continue;
      if (nfq.nfq_set_queue_flags(this.#queueHandle, bit, bit) >= 0) continue;
      throw adviseOpen("nfq_set_queue_flags", { errno: threadErrno(), flag: name });
    }
  }

  #readPortId(): number {
    const address = new Uint8Array(new ArrayBuffer(12));
    const length = new Uint8Array(new ArrayBuffer(4));
    length[0] = address.length;
    if (this.#libc.getsockname(this.descriptor, address, length) < 0) {
      throw new SystemError("getsockname", { errno: threadErrno() });
    }
    return new DataView(address.buffer).getUint32(4, true);
  }

  /** Connected to the kernel (port 0), the socket takes no message from any other process. */
  #connect(): void {
    const address = new Uint8Array(new ArrayBuffer(12));
    address[0] = AF_NETLINK;
    if (this.#libc.connect(this.descriptor, address, address.length) < 0) {
      throw new SystemError("connect", { errno: threadErrno() });
    }
  }

  #tune({ receiveBuffer, reportOverruns }: Settings): void {
    if (!this.#setOption(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)) {
      this.#setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
    }
    if (!this.#setOption(SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER)) {
      this.#setOption(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
    }
    this.#setOption(SOL_NETLINK, NETLINK_NO_ENOBUFS, reportOverruns ? 0 : 1);
    // Error answers then echo the header alone, not a whole replaced payload.
    this.#setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
  }

  #setOption(level: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(new ArrayBuffer(4));
    new DataView(bytes.buffer).setInt32(0, value, true);
    return this.#libc.setsockopt(this.descriptor, level, name, bytes, 4) >= 0;
  }
}
