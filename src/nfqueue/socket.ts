/**
 * The netlink socket of one queue. Opening and configuring go through libnetfilter_queue, packets
 * and verdicts straight through the socket.
 *
 * @module
 */

import { ERRNO, prepareErrno, SystemError, threadErrno } from "../linux/errno.ts";
import { adviseFamily, bindFamilies, FAMILY } from "./families.ts";
import { backend } from "../../ffi/backend.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import { changeGeneration, unwatchLinks, watchLinks } from "../linux/change_watch.ts";
import { OutgoingMessage } from "../../ffi/memory.ts";
import { NetlinkSocket, privilegedMessage } from "../linux/netlink_socket.ts";
import { ReceiveSlots } from "../linux/receive_slots.ts";
import type { Pointer } from "../../ffi/types.ts";
import { write } from "../base/bytes.ts";
import { adviseOpen, type OpenFailure } from "./advice.ts";
import { FLAG_BITS, type QueueFlags } from "./flags.ts";
import type {
  Kernel,
  KernelQueue,
  KernelQueueOptions,
  ReadableListener,
  Watcher,
} from "./kernel_queue.ts";
import { OpenQueueTable, type QueueStatistics } from "./queue_table.ts";

const MSG_WAITFORONE = 0x10000;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_MEMINFO = 55;
/** Words of SO_MEMINFO (linux/sock_diag.h, SK_MEMINFO_*). */
const MEMINFO = { words: 9, drops: 8 } as const;
/**
 * Bytes by which the receive buffer grows for one send: for 832 a refused verdict, and for packets that
 * come meanwhile, however fast.
 */
const ANSWER_ROOM = 16 << 20;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
/** A send buffer that takes our largest datagram whatever the system's default is. */
const SEND_BUFFER = 256 * 1024;
/** Longest time to block without a look around (ms). */
const LONGEST_BLOCK = 3_600_000;

/** A bound netlink socket; closing it lets the kernel drop what is left in the queue. */
export class QueueSocket implements KernelQueue {
  readonly descriptor: number;
  /** The netlink port that owns the queue, as /proc/net/netfilter/nfnetlink_queue shows it. */
  readonly portId: number;

  readonly #number: number;
  readonly #handle: Pointer;
  readonly #queueHandle: Pointer;
  readonly #socket: NetlinkSocket;
  readonly #libc = libc();
  readonly #receiveBuffer: number;
  readonly #reportsOverruns: boolean;
  /** SO_RCVTIMEO as it is set now (ms) and its struct timeval. */
  #blockLimit = 0;
  readonly #timeval = new DataView(new ArrayBuffer(16));
  readonly #configuration = new OutgoingMessage(256);
  readonly #table: OpenQueueTable;
  #closed = false;

  /**
   * Opens, binds and sets the flags. The kernel delivers nothing until a copy mode is set.
   *
   * @throws {SystemError} with advice, {LibraryLoadError}
   */
  constructor(options: KernelQueueOptions) {
    prepareErrno();
    const nfq = libnetfilterQueue();
    const { number, maxLength, receiveBuffer, reportOverruns } = options;
    this.#number = number;
    this.#receiveBuffer = receiveBuffer;
    this.#reportsOverruns = reportOverruns;
    const handle = nfq.nfq_open();
    if (handle === null) throw failed("nfq_open", threadErrno(), { queue: number });
    try {
      this.#handle = handle;
      this.descriptor = nfq.nfq_fd(handle);
      this.#socket = new NetlinkSocket(this.descriptor);
      // Before the queue is bound: from then on until a copy mode is set the kernel drops what comes,
      // whatever the rule says of bypass.
      this.portId = this.#socket.portId();
      this.#socket.connect();
      this.#tune(options);
      const [foreign] = bindFamilies(handle, Object.values(FAMILY));
      if (foreign !== undefined) {
        const advice = adviseFamily(foreign);
        throw new SystemError("nfq_bind_pf", { errno: ERRNO.EBUSY, advice });
      }
      const queueHandle = nfq.nfq_create_queue(handle, number, null, null);
      if (queueHandle === null) {
        throw failed("nfq_create_queue", threadErrno(), { queue: number });
      }
      this.#queueHandle = queueHandle;
      if (maxLength !== undefined && nfq.nfq_set_queue_maxlen(queueHandle, maxLength) < 0) {
        throw failed("nfq_set_queue_maxlen", threadErrno());
      }
      this.#setFlags(options.flags);
      watchLinks();
      // Behind what may throw: it holds a descriptor.
      this.#table = new OpenQueueTable();
    } catch (error) {
      nfq.nfq_close(handle);
      throw error;
    }
  }

  receive(memory: ReceiveSlots, first: number, most: number): number {
    return this.#socket.receive(memory.headersFrom(first), most);
  }

  /** One call where poll would make it two. */
  receiveBlocking(memory: ReceiveSlots, first: number, most: number, milliseconds: number): number {
    this.#limitBlocking(Math.min(milliseconds, LONGEST_BLOCK));
    const headers = memory.headersFrom(first);
    const count = this.#libc.recvmmsg(this.descriptor, headers, most, MSG_WAITFORONE, null);
    return count < 0 ? -threadErrno() : count;
  }

  /** Bun's loop makes the socket nonblocking and relies on it: the result puts that back. */
  startBlocking(): () => void {
    const flags = this.#libc.fcntl(this.descriptor, F_GETFL, 0);
    if ((flags & O_NONBLOCK) === 0) return () => {};
    this.#libc.fcntl(this.descriptor, F_SETFL, flags & ~O_NONBLOCK);
    return () => {
      if (!this.#closed) this.#libc.fcntl(this.descriptor, F_SETFL, flags);
    };
  }

  watch(listener: ReadableListener): Watcher {
    return backend().watch(this.descriptor, listener);
  }

  send(message: OutgoingMessage, length: number): boolean {
    let errno = this.#socket.send(message, length);
    // Unlike any other message, one to a group takes memory in one piece. To set the buffer's size
    // again takes the same capability.
    if (errno === ERRNO.ENOBUFS && this.#socket.setSendBuffer(SEND_BUFFER)) {
      errno = this.#socket.sendUnaddressed(message, length);
    }
    if (errno === ERRNO.EPERM) return false;
    if (errno !== 0) throw new SystemError("sendmsg", { errno });
    return true;
  }

  sendInDoubt(message: OutgoingMessage, length: number): boolean {
    const roomy = this.#socket.forceReceiveBuffer(this.#receiveBuffer + ANSWER_ROOM);
    // Once it has told of an overrun it takes nothing until it is empty, or need not tell.
    if (this.#reportsOverruns) this.#tellOverruns(false);
    try {
      return this.send(message, length);
    } finally {
      if (this.#reportsOverruns) this.#tellOverruns(true);
      if (roomy) this.#socket.forceReceiveBuffer(this.#receiveBuffer);
    }
  }

  /** 0 before Linux 4.12. */
  drops(): number {
    const words = new Uint32Array(MEMINFO.words);
    const bytes = new Uint8Array(words.buffer);
    const length = new Uint8Array(new Uint32Array([bytes.length]).buffer);
    this.#libc.getsockopt(this.descriptor, SOL_SOCKET, SO_MEMINFO, bytes, length);
    return words[MEMINFO.drops]!;
  }

  numbers(): { readonly statistics: QueueStatistics | undefined; readonly errno: number } {
    const { queues, errno } = this.#table.read();
    return { statistics: queues.find(({ queue }) => queue === this.#number), errno };
  }

  changes(): number {
    return changeGeneration();
  }

  sendConfiguration(message: Uint8Array): void {
    write(this.#configuration.bytes, 0, message);
    const errno = this.#socket.send(this.#configuration, message.length);
    if (errno !== 0) throw new SystemError("sendmsg", { errno });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    unwatchLinks();
    const nfq = libnetfilterQueue();
    nfq.nfq_destroy_queue(this.#queueHandle);
    nfq.nfq_close(this.#handle);
    this.#table[Symbol.dispose]();
  }

  /** One at a time, so that a refusal names its switch. */
  #setFlags(flags: QueueFlags): void {
    const nfq = libnetfilterQueue();
    for (const [name, bit] of Object.entries(FLAG_BITS)) {
      if (!flags[name as keyof QueueFlags]) continue;
      if (nfq.nfq_set_queue_flags(this.#queueHandle, bit, bit) >= 0) continue;
      throw failed("nfq_set_queue_flags", threadErrno(), { flag: name });
    }
  }

  #tune({ receiveBuffer, reportOverruns }: KernelQueueOptions): void {
    this.#socket.setReceiveBuffer(receiveBuffer);
    this.#socket.setSendBuffer(SEND_BUFFER);
    this.#tellOverruns(reportOverruns);
    // Error answers then echo the header alone, not a whole replaced payload.
    this.#socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
  }

  #tellOverruns(told: boolean): void {
    this.#socket.setOption(SOL_NETLINK, NETLINK_NO_ENOBUFS, told ? 0 : 1);
  }

  /**
   * Sets the receive timeout, and always some: a signal then ends the call whatever the program's
   * signal handlers ask for (signal(7)). It is half of what is left, so that it stays right for
   * many calls; coming back early costs a turn of the caller's loop.
   */
  #limitBlocking(milliseconds: number): void {
    const limit = this.#blockLimit;
    if (limit <= milliseconds && limit * 4 >= milliseconds && limit > 0) return;
    this.#blockLimit = Math.max(1, Math.ceil(milliseconds / 2));
    const seconds = Math.floor(this.#blockLimit / 1000);
    this.#timeval.setInt32(0, seconds, true);
    this.#timeval.setInt32(8, (this.#blockLimit - seconds * 1000) * 1000, true);
    const bytes = new Uint8Array(this.#timeval.buffer);
    this.#libc.setsockopt(this.descriptor, SOL_SOCKET, SO_RCVTIMEO, bytes, bytes.length);
  }
}

/** The kernel that this process runs on. */
export const SYSTEM_KERNEL: Kernel = {
  receiveMemory: (shape) => new ReceiveSlots(shape),
  sendMemory: privilegedMessage,
  open: (options) => new QueueSocket(options),
};

/** The errno is an argument of its own: it must be read before any object is made. */
function failed(
  syscall: string,
  errno: number,
  about: Omit<OpenFailure, "errno"> = {},
): SystemError {
  return adviseOpen(syscall, { errno, ...about });
}
