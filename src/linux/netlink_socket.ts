/**
 * A netlink socket that libnetfilter_queue has opened, as our own code reads and writes it.
 *
 * @module
 */

import { closeOnExec } from "./descriptors.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "./errno.ts";
import { NetlinkAddress } from "./netlink_address.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { OutgoingMessage } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";

const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** The last of the groups that each protocol has at least: nobody sends to it or is in it. */
const NO_GROUP = 0x80000000;
/** Times a send that found no memory is tried again before the caller hears of it. */
const SEND_TRIES = 16;

/**
 * A message to the kernel that is refused within the call where the thread lacks CAP_NET_ADMIN. For any
 * other one the kernel looks for the capability later, and its refusal waits behind the packets in the
 * socket. One that is also for a multicast group is looked at by sendmsg itself.
 */
export function privilegedMessage(capacity: number): OutgoingMessage {
  return new OutgoingMessage(capacity, new NetlinkAddress(NO_GROUP).bytes);
}

/** The socket calls of the packet path. Whoever opened the descriptor closes it. */
export class NetlinkSocket {
  readonly descriptor: number;
  readonly #libc = libc();

  /** Makes the descriptor close-on-exec: a child process would keep the queue bound. */
  constructor(descriptor: number) {
    prepareErrno();
    this.descriptor = descriptor;
    closeOnExec(descriptor);
  }

  /**
   * The port that the kernel knows the socket by.
   *
   * @throws {SystemError}
   */
  portId(): number {
    const address = new NetlinkAddress();
    const length = new Uint8Array(new ArrayBuffer(4));
    length[0] = address.bytes.length;
    if (this.#libc.getsockname(this.descriptor, address.bytes, length) < 0) {
      throw failedCall("getsockname", threadErrno());
    }
    return address.portId;
  }

  /**
   * Connects to the kernel (port 0): the socket then takes no message from any other process.
   *
   * @throws {SystemError}
   */
  connect(): void {
    const address = new NetlinkAddress().bytes;
    if (this.#libc.connect(this.descriptor, address, address.length) < 0) {
      throw failedCall("connect", threadErrno());
    }
  }

  /** Sets an option that is an int; false where the system refuses. */
  setOption(level: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(new ArrayBuffer(4));
    new DataView(bytes.buffer).setInt32(0, value, true);
    return this.#libc.setsockopt(this.descriptor, level, name, bytes, 4) >= 0;
  }

  /** Sets the receive buffer's size in bytes: beyond the system's limit where that is allowed. */
  setReceiveBuffer(bytes: number): void {
    if (!this.forceReceiveBuffer(bytes)) this.setOption(SOL_SOCKET, SO_RCVBUF, bytes);
  }

  /** The same, or nothing where that is not allowed: false, for want of CAP_NET_ADMIN. */
  forceReceiveBuffer(bytes: number): boolean {
    return this.setOption(SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  }

  /** Sets the send buffer's size in bytes; false where not all of it may be allowed. */
  setSendBuffer(bytes: number): boolean {
    if (this.setOption(SOL_SOCKET, SO_SNDBUFFORCE, bytes)) return true;
    this.setOption(SOL_SOCKET, SO_SNDBUF, bytes);
    return false;
  }

  /**
   * Fills slots without waiting.
   *
   * @param headers the first slot's `struct mmsghdr`
   * @returns datagrams received, or the negative errno: EAGAIN when there was none
   */
  receive(headers: Pointer, slots: number): number {
    const count = this.#libc.recvmmsg(this.descriptor, headers, slots, MSG_DONTWAIT, null);
    return count < 0 ? -threadErrno() : count;
  }

  /**
   * Sends the first `length` bytes of a message as one datagram.
   *
   * @returns 0, or the errno
   */
  send(message: OutgoingMessage, length: number): number {
    return this.#send(message.prepare(length));
  }

  /** The same for a message with an address, which is not looked at: to the socket's other end. */
  sendUnaddressed(message: OutgoingMessage, length: number): number {
    return this.#send(message.prepareUnaddressed(length));
  }

  #send(header: Pointer): number {
    for (let tries = 1;; tries++) {
      if (this.#libc.sendmsg(this.descriptor, header, MSG_DONTWAIT) >= 0) return 0;
      const errno = threadErrno();
      if (!isPassing(errno, tries)) return errno;
    }
  }
}

/** Whether to try a send again: a signal, or memory that may be there in a moment. */
export function isPassing(errno: number, tries: number): boolean {
  if (errno === ERRNO.EINTR) return true;
  const full = errno === ERRNO.ENOBUFS || errno === ERRNO.EAGAIN || errno === ERRNO.ENOMEM;
  return full && tries < SEND_TRIES;
}
