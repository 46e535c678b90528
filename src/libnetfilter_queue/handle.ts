/**
 * `struct nfq_handle`: the connection to the kernel that queues and packets go through.
 *
 * @module
 */

import { ERRNO, failedCall, prepareErrno, type SystemError, threadErrno } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import { libnetfilterQueueMessages } from "../../ffi/libraries/libnetfilter_queue_messages.ts";
import { libnfnetlink } from "../../ffi/libraries/libnfnetlink.ts";
import { NetlinkSocket } from "../linux/netlink_socket.ts";
import type { NativeCallback, Pointer } from "../../ffi/types.ts";
import { copyOf } from "../base/bytes.ts";
import { checkInteger, checkU16 } from "../base/checks.ts";
import { checkBytes } from "./guards/arguments.ts";
import { HandleClosedError } from "./guards/errors.ts";
import { checkKey, KEY } from "./guards/key.ts";
import { BORROW, LEND_TO, NfnlHandle, OWN_POINTER } from "./nfnl_handle.ts";
import { ABANDON, CREATE, type NfqCallback, NfqQueueHandle } from "./queue_handle.ts";
import { LARGEST_DATAGRAM, type ReceiveAsyncOptions, type ReceiveOptions } from "./receiver.ts";
import { Session } from "./session.ts";

const NLMSG_HEADER_SIZE = 16;
/** More than any datagram of the kernel, and what C's `int` can tell. */
const MOST_BYTES = 0x7fffffff;
const ABSENT = "This kernel has no nfnetlink: load it with modprobe nfnetlink_queue";

/**
 * A connection to the kernel's packet queues (libnetfilter_queue.h). It owns its C pointer and its
 * queues until `nfq_close` or the end of `using`; every use after that throws `HandleClosedError`.
 *
 * @remarks The calls that configure, here and in `NfqQueueHandle`, wait for the kernel's answer on the
 * socket that packets come by. C hands packets that come before it to their callbacks, and with the
 * first one gives up waiting; here they are kept for the next `receive`.
 * @example Accept every packet of queue 0
 * ```ts no-eval
 * import { NF_ACCEPT, NfqHandle, NFQNL_COPY_PACKET } from "@nfqueue/nfqueue/libnetfilter_queue";
 *
 * using handle = NfqHandle.nfq_open();
 * const queue = handle.nfq_create_queue(0, (queue, _message, data) => {
 *   const header = data.nfq_get_msg_packet_hdr();
 *   return header ? queue.nfq_set_verdict(header.packetId, NF_ACCEPT) : 0;
 * });
 * queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
 * const buffer = new Uint8Array(0x12000);
 * for (;;) handle.nfq_handle_packet(buffer, await handle.receiveAsync(buffer));
 * ```
 */
export class NfqHandle implements Disposable {
  readonly #session: Session;
  readonly #netlink: NfnlHandle;
  readonly #queues = new Set<NfqQueueHandle>();
  readonly #orphans: NativeCallback[] = [];

  private constructor(key: typeof KEY, pointer: Pointer, netlink?: NfnlHandle) {
    checkKey(key, "NfqHandle.nfq_open");
    const { nfq_fd, nfq_nfnlh } = libnetfilterQueue();
    const netlinkPointer = nfq_nfnlh(pointer)!;
    // Packets that come while C waits for an answer are read into this; its default cuts large ones.
    libnfnetlink().nfnl_set_rcv_buffer_size(netlinkPointer, LARGEST_DATAGRAM);
    this.#session = new Session(pointer, nfq_fd(pointer));
    if (netlink !== undefined) netlink[LEND_TO](this.#session);
    this.#netlink = netlink ?? NfnlHandle[BORROW](netlinkPointer, this.#session);
  }

  /**
   * Connects to the kernel: `struct nfq_handle *nfq_open(void)`.
   *
   * @returns the handle
   * @remarks Child processes do not inherit the socket, and it takes messages from the kernel alone.
   * @throws {SystemError}
   * @throws {LibraryLoadError} when libnetfilter_queue is not installed
   */
  static nfq_open(): NfqHandle {
    prepareErrno();
    const { nfq_open, nfq_fd, nfq_close } = libnetfilterQueue();
    const pointer = nfq_open();
    if (pointer === null) throw failed("nfq_open", threadErrno());
    try {
      new NetlinkSocket(nfq_fd(pointer)).connect();
      return new NfqHandle(KEY, pointer);
    } catch (error) {
      nfq_close(pointer);
      throw error;
    }
  }

  /**
   * Connects to the kernel over a socket of one's own:
   * `struct nfq_handle *nfq_open_nfnl(struct nfnl_handle *nfnlh)`. The handle takes `nfnlh` over and closes it in the end, as C does.
   *
   * @returns the handle
   * @throws {SystemError}
   * @throws {HandleClosedError} when `nfnlh` is closed or belongs to a handle already
   * @throws {LibraryLoadError} when libnetfilter_queue is not installed
   */
  static nfq_open_nfnl(nfnlh: NfnlHandle): NfqHandle {
    prepareErrno();
    const { nfq_open_nfnl } = libnetfilterQueue();
    const pointer = nfq_open_nfnl(NfnlHandle[OWN_POINTER](nfnlh));
    if (pointer === null) throw failed("nfq_open_nfnl", threadErrno());
    return new NfqHandle(KEY, pointer, nfnlh);
  }

  /** Whether `nfq_close` was called. */
  get closed(): boolean {
    return this.#session.closed;
  }

  /**
   * Unbinds the handle's queues and closes its socket: `int nfq_close(struct nfq_handle *h)`.
   * Idempotent.
   *
   * @remarks Allowed inside a callback, where C would free what it still uses: everything of the handle
   * is closed for the program at once; C's memory and the socket go when the outermost
   * `nfq_handle_packet` returns.
   * @throws {SystemError}
   */
  nfq_close(): void {
    if (this.#session.closed) return;
    this.#session.receiver.close();
    this.#session.close((pointer) => {
      const abandoned = [...this.#queues].map((queue) => queue[ABANDON]());
      this.#queues.clear();
      const result = libnetfilterQueue().nfq_close(pointer);
      const errno = result < 0 ? threadErrno() : 0;
      for (const { free } of abandoned) free();
      for (const callback of this.#orphans.splice(0)) callback.close();
      if (result < 0) throw failed("nfq_close", errno);
    });
  }

  /** Closes it, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.nfq_close();
  }

  /**
   * The socket's descriptor: `int nfq_fd(struct nfq_handle *h)`. To wait for packets use `receive` or
   * `receiveAsync`: calls that configure take packets that are in their way out of the socket, and
   * they wait there.
   *
   * @returns the descriptor, which stays the handle's
   * @throws {HandleClosedError}
   */
  nfq_fd(): number {
    return libnetfilterQueue().nfq_fd(this.#session.pointer);
  }

  /**
   * The socket as libnfnetlink knows it: `struct nfnl_handle *nfq_nfnlh(struct nfq_handle *h)`. It is
   * part of this handle: good until that is closed.
   *
   * @returns the same object each time
   * @throws {HandleClosedError}
   */
  nfq_nfnlh(): NfnlHandle {
    if (this.closed) throw new HandleClosedError("NfqHandle");
    return this.#netlink;
  }

  /**
   * Asks the kernel to queue packets of a protocol family, which Linux 3.8 and later do without being
   * asked: `int nfq_bind_pf(struct nfq_handle *h, uint16_t pf)`.
   *
   * @param pf 2 (AF_INET), 10 (AF_INET6), …
   * @throws {SystemError}
   * @throws {HandleClosedError}
   */
  nfq_bind_pf(pf: number): void {
    const { pointer } = this.#session;
    checkU16("pf", pf);
    const { nfq_bind_pf } = libnetfilterQueue();
    const errno = this.#session.request(() => nfq_bind_pf(pointer, pf));
    if (errno !== 0) throw failed("nfq_bind_pf", errno);
  }

  /**
   * The opposite of `nfq_bind_pf`; Linux 3.8 and later ignore it:
   * `int nfq_unbind_pf(struct nfq_handle *h, uint16_t pf)`.
   *
   * @param pf as for `nfq_bind_pf`
   * @throws {SystemError}
   * @throws {HandleClosedError}
   */
  nfq_unbind_pf(pf: number): void {
    const { pointer } = this.#session;
    checkU16("pf", pf);
    const { nfq_unbind_pf } = libnetfilterQueue();
    const errno = this.#session.request(() => nfq_unbind_pf(pointer, pf));
    if (errno !== 0) throw failed("nfq_unbind_pf", errno);
  }

  /**
   * Binds a queue: `struct nfq_q_handle *nfq_create_queue(struct nfq_handle *h, uint16_t num,
   * nfq_callback *cb, void *data)`. The kernel delivers nothing before `nfq_set_mode`.
   *
   * @param number 0 to 65535, the number that the rule names
   * @param callback called by `nfq_handle_packet` for each packet of this queue; null for programs
   * that look into what they receive themselves, for which `nfq_handle_packet` gives -1
   * @returns the queue
   * @throws {SystemError} EPERM without CAP_NET_ADMIN, and when the queue has an owner already;
   * EEXIST when this handle is that owner
   * @throws {HandleClosedError}
   * @remarks There is no `data`: a callback has its variables.
   */
  nfq_create_queue(number: number, callback: NfqCallback | null): NfqQueueHandle {
    const session = this.#session;
    const handle = session.pointer;
    checkU16("number", number);
    if (callback !== null && typeof callback !== "function") {
      throw new TypeError("callback must be a function or null");
    }
    // C would answer NULL, with an errno of long ago.
    for (const queue of this.#queues) {
      if (queue.number === number) throw failed("nfq_create_queue", ERRNO.EEXIST);
    }
    const queue = NfqQueueHandle[CREATE]({
      ...{ session, handle, number, callback },
      orphaned: (callback) => this.#orphans.push(callback),
      gone: (gone) => this.#queues.delete(gone),
    });
    this.#queues.add(queue);
    return queue;
  }

  /**
   * Hands received bytes to the library, which calls the callback of each packet's queue:
   * `int nfq_handle_packet(struct nfq_handle *h, char *buf, int len)`.
   *
   * @param bytes what was received; C works on a copy
   * @param length how many of them, `bytes.length` if left out
   * @returns 0, or -1 as in C: a callback returned a negative number, the bytes are no well-formed
   * messages (then no callback is called), or they are no packet for a queue of this handle, such as
   * the kernel's complaint about an earlier verdict
   * @remarks C trusts the lengths of attributes with a fixed size and of hardware addresses; here all
   * are checked first. A callback may hand in messages itself.
   * @throws what a callback throws
   * @throws {RangeError} when `length` goes beyond `bytes`
   * @throws {HandleClosedError}
   */
  nfq_handle_packet(bytes: Uint8Array, length?: number): number {
    const given = checkBytes("bytes", bytes, { max: MOST_BYTES });
    const count = checkInteger("length", length ?? given.length, 0, given.length);
    const { nfq_handle_packet } = libnetfilterQueueMessages();
    return this.#session.handle(
      given.subarray(0, count),
      (pointer, message) => nfq_handle_packet(pointer, message, count),
    );
  }

  /**
   * Sends messages of one's own, such as `NlmsgBuilder` makes, as C programs do with
   * `mnl_socket_sendto`. The kernel's answers come with the packets: an error, and for a message that
   * asks for it (NLM_F_ACK) success.
   *
   * @param message one netlink message or several, each a multiple of 4 bytes long but for the last
   * @throws {SystemError}
   * @throws {HandleClosedError}
   */
  send(message: Uint8Array): void {
    const descriptor = this.nfq_fd();
    const given = checkBytes("message", message, { min: NLMSG_HEADER_SIZE, max: MOST_BYTES });
    // A copy, so that it may also be memory that is shared between threads.
    const bytes = copyOf(given);
    if (libc().send(descriptor, bytes, BigInt(bytes.length), 0) < 0) {
      throw failed("send", threadErrno());
    }
  }

  /**
   * Receives one datagram for `nfq_handle_packet`, as C programs do with
   * `recv(nfq_fd(h), buf, sizeof(buf), 0)`. Blocks this thread.
   *
   * @param buffer at least 256 bytes; 0x12000 take everything that the kernel sends
   * @returns its length; undefined when the time is over or a signal came
   * @throws {SystemError} ENOBUFS when packets were lost because the socket was full: receive on;
   * EMSGSIZE when the datagram was longer than the buffer, and is lost
   * @throws {HandleClosedError}
   */
  receive(buffer: Uint8Array, options: ReceiveOptions = {}): number | undefined {
    return this.#session.receiver.receive(buffer, options);
  }

  /**
   * Receives one datagram for `nfq_handle_packet` without blocking the program. One call at a time;
   * `buffer` is in use until it ends.
   *
   * @param buffer as for `receive`
   * @returns its length; rejects with the signal's reason when that aborts
   * @throws {SystemError} as `receive`
   * @throws {HandleClosedError} when the handle is closed, also while this waits
   */
  receiveAsync(buffer: Uint8Array, options: ReceiveAsyncOptions = {}): Promise<number> {
    return this.#session.receiver.receiveAsync(buffer, options);
  }
}

function failed(syscall: string, errno: number): SystemError {
  const absent = errno === ERRNO.EPROTONOSUPPORT || errno === ERRNO.EAFNOSUPPORT;
  return failedCall(syscall, errno, absent ? ABSENT : undefined);
}
