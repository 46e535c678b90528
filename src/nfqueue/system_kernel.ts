/**
 * The kernel that this process runs on, as PacketQueue sees it.
 *
 * @module
 */

import { ERRNO, failedCall, threadErrno } from "../linux/errno.ts";
import { adviseFamily, FAMILY } from "./families.ts";
import { backend } from "../../ffi/backend.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { changeGeneration } from "../linux/change_watch.ts";
import type { OutgoingMessage } from "../../ffi/memory.ts";
import { privilegedMessage } from "../linux/netlink_socket.ts";
import { SystemSender } from "../linux/raw/system_sender.ts";
import { BlockingWait } from "../linux/readiness.ts";
import { ReceiveSlots } from "../linux/receive_slots.ts";
import { adviseOpen } from "./advice.ts";
import { FLAG_BITS, type QueueFlags } from "./flags.ts";
import type {
  Kernel,
  KernelQueue,
  KernelQueueOptions,
  ReadableListener,
  Watcher,
} from "./kernel_queue.ts";
import { OpenQueueTable, type QueueStatistics } from "./queue_table.ts";
import { ANSWER_ROOM } from "./receive_buffer.ts";
import { QueueSocket } from "./socket.ts";

const MSG_WAITFORONE = 0x10000;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_MEMINFO = 55;
/** Words of SO_MEMINFO (linux/sock_diag.h, SK_MEMINFO_*). */
const MEMINFO = { words: 9, drops: 8 } as const;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
/** A send buffer that takes our largest datagram whatever the system's default is. */
const SEND_BUFFER = 256 * 1024;
/** Longest time to block without a look around (ms). */
const LONGEST_BLOCK = 3_600_000;

/** A bound queue; closing it lets the kernel drop what is left in it. */
class SystemQueue implements KernelQueue {
  /** The netlink port that owns the queue, as /proc/net/netfilter/nfnetlink_queue shows it. */
  readonly portId: number;

  readonly #socket: QueueSocket;
  readonly #libc = libc();
  readonly #receiveBuffer: number;
  readonly #reportsOverruns: boolean;
  /** SO_RCVTIMEO as it is set now (ms) and its struct timeval. */
  #blockLimit = 0;
  readonly #timeval = new DataView(new ArrayBuffer(16));
  readonly #table: OpenQueueTable;
  readonly #wait: BlockingWait | undefined;
  #closed = false;

  /**
   * Opens, binds and sets the flags.
   *
   * @throws {SystemError} with advice, {LibraryLoadError}
   */
  constructor(options: KernelQueueOptions) {
    const { number, receiveBuffer, reportOverruns } = options;
    this.#receiveBuffer = receiveBuffer;
    this.#reportsOverruns = reportOverruns;
    const socket = new QueueSocket({ number, receiveBuffer, families: Object.values(FAMILY) });
    this.#socket = socket;
    try {
      this.portId = socket.netlink.portId();
      this.#tune(options);
      const [foreign] = socket.foreignFamilies;
      if (foreign !== undefined) {
        throw failedCall("nfq_bind_pf", ERRNO.EBUSY, adviseFamily(foreign));
      }
      this.#bind(options);
      this.#wait = backend().falseInterrupts ? new BlockingWait(socket.descriptor) : undefined;
      // Behind what may throw: it holds a descriptor.
      this.#table = new OpenQueueTable();
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  receive(memory: ReceiveSlots, first: number, most: number): number {
    return this.#socket.receive(memory, first, most);
  }

  /** One call where poll would make it two; two where only poll tells the truth. */
  receiveBlocking(memory: ReceiveSlots, first: number, most: number, milliseconds: number): number {
    if (this.#wait !== undefined) {
      const ready = this.#wait.wait(Math.min(milliseconds, LONGEST_BLOCK) * 1000);
      if (ready <= 0) return ready === 0 ? -ERRNO.EAGAIN : ready;
      return this.#socket.receive(memory, first, most);
    }
    this.#limitBlocking(Math.min(milliseconds, LONGEST_BLOCK));
    const headers = memory.headersFrom(first);
    const count = this.#libc.recvmmsg(this.#socket.descriptor, headers, most, MSG_WAITFORONE, null);
    return count < 0 ? -threadErrno() : count;
  }

  /** Bun's loop makes the socket nonblocking and relies on it: the result puts that back. */
  startBlocking(): () => void {
    const flags = this.#libc.fcntl(this.#socket.descriptor, F_GETFL, 0);
    if ((flags & O_NONBLOCK) === 0) return () => {};
    this.#libc.fcntl(this.#socket.descriptor, F_SETFL, flags & ~O_NONBLOCK);
    return () => {
      if (!this.#closed) this.#libc.fcntl(this.#socket.descriptor, F_SETFL, flags);
    };
  }

  watch(listener: ReadableListener): Watcher {
    return backend().watch(this.#socket.descriptor, listener);
  }

  send(message: OutgoingMessage, length: number): boolean {
    const { netlink } = this.#socket;
    let errno = this.#socket.send(message, length);
    // Unlike any other message, one to a group takes memory in one piece. To set the buffer's size
    // again takes the same capability.
    if (errno === ERRNO.ENOBUFS && netlink.setSendBuffer(SEND_BUFFER)) {
      errno = netlink.sendUnaddressed(message, length);
    }
    if (errno === ERRNO.EPERM) return false;
    if (errno !== 0) throw failedCall("sendmsg", errno);
    return true;
  }

  sendInDoubt(message: OutgoingMessage, length: number): boolean {
    const { netlink } = this.#socket;
    const roomy = netlink.forceReceiveBuffer(this.#receiveBuffer + ANSWER_ROOM);
    // Once it has told of an overrun it takes nothing until it is empty, or need not tell.
    if (this.#reportsOverruns) this.#tellOverruns(false);
    try {
      return this.send(message, length);
    } finally {
      if (this.#reportsOverruns) this.#tellOverruns(true);
      if (roomy) netlink.forceReceiveBuffer(this.#receiveBuffer);
    }
  }

  /** 0 before Linux 4.12. */
  drops(): number {
    const words = new Uint32Array(MEMINFO.words);
    const bytes = new Uint8Array(words.buffer);
    const length = new Uint8Array(new Uint32Array([bytes.length]).buffer);
    this.#libc.getsockopt(this.#socket.descriptor, SOL_SOCKET, SO_MEMINFO, bytes, length);
    return words[MEMINFO.drops]!;
  }

  numbers(): { readonly statistics: QueueStatistics | undefined; readonly errno: number } {
    const { queues, errno } = this.#table.read();
    return { statistics: queues.find(({ queue }) => queue === this.#socket.number), errno };
  }

  changes(): number {
    return changeGeneration();
  }

  sendConfiguration(message: Uint8Array): void {
    const errno = this.#socket.sendConfiguration(message);
    if (errno !== 0) throw failedCall("sendmsg", errno);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#table[Symbol.dispose]();
  }

  #tune({ reportOverruns }: KernelQueueOptions): void {
    const { netlink } = this.#socket;
    netlink.setSendBuffer(SEND_BUFFER);
    this.#tellOverruns(reportOverruns);
    // Error answers then echo the header alone, not a whole replaced payload.
    netlink.setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
  }

  #tellOverruns(told: boolean): void {
    this.#socket.netlink.setOption(SOL_NETLINK, NETLINK_NO_ENOBUFS, told ? 0 : 1);
  }

  /** One switch at a time, so that a refusal names it. */
  #bind({ number: queue, maxLength, flags }: KernelQueueOptions): void {
    const bound = this.#socket.bind();
    if (bound !== 0) throw adviseOpen("nfq_create_queue", bound, { queue });
    const limited = maxLength === undefined ? 0 : this.#socket.setMaxLength(maxLength);
    if (limited !== 0) throw adviseOpen("nfq_set_queue_maxlen", limited);
    for (const [flag, bit] of Object.entries(FLAG_BITS)) {
      const set = flags[flag as keyof QueueFlags] ? this.#socket.setFlags(bit) : 0;
      if (set !== 0) throw adviseOpen("nfq_set_queue_flags", set, { flag });
    }
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
    this.#libc.setsockopt(this.#socket.descriptor, SOL_SOCKET, SO_RCVTIMEO, bytes, bytes.length);
  }
}

/** The kernel that this process runs on. */
export const SYSTEM_KERNEL: Kernel = {
  receiveMemory: (shape) => new ReceiveSlots(shape),
  sendMemory: privilegedMessage,
  open: (options) => new SystemQueue(options),
  openSender: (mark) => new SystemSender(mark),
  onExit: (callback) => backend().onExit(callback),
};
