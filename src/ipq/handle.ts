/**
 * A handle of libipq(3) with an error of its own.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { ERRNO } from "../linux/errno.ts";
import { setImmediate } from "../../ffi/turn.ts";
import { ipqMessageError, ipqMessageType } from "../netlink/ip_queue/messages.ts";
import { decodeIpqPacket, type IpqPacketMessage } from "../netlink/ip_queue/packet.ts";
import { checkObject } from "../base/objects.ts";
import {
  checkBytes,
  checkInteger,
  checkSignal,
  checkSize,
  checkU32,
  show,
} from "../base/checks.ts";
import { NFPROTO_IPV4, NFPROTO_IPV6 } from "./constants.ts";
import { IPQ_ERROR, IpqError, LastError, moduleError } from "./errors.ts";
import { openTransport } from "./open_transport.ts";
import {
  type IpqOptions,
  type IpqTransportName,
  READ_INTERRUPTED,
  READ_TIMEOUT,
  type Transport,
} from "./transport.ts";

const TRANSPORTS: readonly string[] = ["auto", "libipq", "nfqueue"];
/** The range of a C int. */
const INT = { min: -0x80000000, max: 0x7fffffff } as const;
/** The longest time of setTimeout (ms). */
const LONGEST_TIMER = 0x7fffffff;
/** Reads without a wait between them before timers get their turn. */
const SLICE = 64;

/** Options of one `readAsync`. */
export interface IpqReadOptions {
  /** Microseconds; 0, the default, waits for ever, less than 0 not at all. */
  readonly timeout?: number | undefined;
  /** Ends the wait: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The kernel's queue of one protocol, as libipq(3) knows it.
 *
 * Failures of the system throw {@link IpqError} and are kept on the handle ({@link IpqHandle.errno}),
 * where no other handle's call touches them; as in the C library success does not clear them.
 *
 * ```ts no-check
 * using handle = IpqHandle.create(0, NFPROTO_IPV4);
 * handle.setMode(IPQ_COPY_PACKET, 2048);
 * const buffer = new Uint8Array(4096);
 * for (;;) {
 *   if (handle.read(buffer) === 0) continue;
 *   const packet = IpqHandle.getPacket(buffer);
 *   if (packet !== null) handle.setVerdict(packet.packetId, NF_ACCEPT);
 * }
 * ```
 */
export class IpqHandle {
  readonly #error = new LastError();
  readonly #name: IpqTransportName;
  readonly #offExit: () => void;
  #transport: Transport | undefined;
  /** A `readAsync` is under way. */
  #reading = false;
  /** Makes its wait end. */
  #interrupt: (() => void) | undefined;
  #withoutWait = 0;

  /**
   * Opens a handle. No queue is taken until a mode is set.
   *
   * @param flags ignored, as by the C library
   * @param protocol `NFPROTO_IPV4` or `NFPROTO_IPV6`
   * @throws {IpqError} codes 2 to 4 and 16; the error is the module's then ({@link ipq_errstr}). 4 is
   *   EADDRINUSE for a second handle of the protocol (and queue) in this process, in whichever thread
   * @throws {TypeError | RangeError} for options that are none
   * @throws {LibraryLoadError} where the transport's library is not installed
   */
  static create(flags: number, protocol: number, options: IpqOptions = {}): IpqHandle {
    checkU32("flags", flags);
    checkU32("protocol", protocol);
    checkObject("options", options);
    const { transport = "auto", queue = 0, gather = true, warn = true } = options;
    if (!TRANSPORTS.includes(transport)) {
      throw new TypeError(
        `transport must be one of ${TRANSPORTS.join(", ")}, got ${show(transport)}`,
      );
    }
    checkInteger("queue", queue, 0, 0xffff);
    for (const [name, value] of Object.entries({ gather, warn })) {
      if (typeof value !== "boolean") {
        throw new TypeError(`${name} must be a boolean, got ${show(value)}`);
      }
    }
    try {
      if (protocol !== NFPROTO_IPV4 && protocol !== NFPROTO_IPV6) {
        throw new IpqError(IPQ_ERROR.PROTOCOL);
      }
      return new IpqHandle(openTransport(protocol, { transport, queue, gather, warn }));
    } catch (error) {
      if (error instanceof IpqError) moduleError.record(error);
      throw error;
    }
  }

  private constructor(transport: Transport) {
    // `private` is TypeScript's word alone.
    if (typeof transport?.close !== "function") throw new TypeError("call IpqHandle.create");
    this.#transport = transport;
    this.#name = transport.name;
    // A worker that ends by itself gives its queue back (in Deno not after an error).
    this.#offExit = backend().onExit(() => this.destroy());
  }

  /** The message's type: `NLMSG_ERROR` or `IPQM_PACKET`. @throws {WireError} below 16 bytes */
  static messageType(buffer: Uint8Array): number {
    return ipqMessageType(checkBytes("buffer", buffer));
  }

  /**
   * The packet that a read put into a buffer; null where the message is none.
   *
   * @returns numbers in host order; `payload` and `hwAddress` are borrowed from the buffer: the next
   *   read into it overwrites them
   * @throws {WireError} when the message does not fit into the buffer, or its lengths are wrong
   */
  static getPacket(buffer: Uint8Array): IpqPacketMessage | null {
    return decodeIpqPacket(checkBytes("buffer", buffer));
  }

  /**
   * The positive errno of an `NLMSG_ERROR`: what the kernel thinks of an earlier call.
   *
   * @throws {WireError} for any other message, or one that does not fit into the buffer
   */
  static getMsgerr(buffer: Uint8Array): number {
    return ipqMessageError(checkBytes("buffer", buffer));
  }

  /** Which way the handle goes. */
  get transport(): IpqTransportName {
    return this.#name;
  }

  /**
   * A descriptor for poll(2), select(2) and epoll(7), owned by the handle; −1 once it is destroyed.
   * Over nfqueue it may wake a program that has nothing to read, when a handle of the other protocol
   * shares the queue: read with a timeout then.
   */
  get fd(): number {
    return this.#transport?.descriptor ?? -1;
  }

  /** `ipq_errno` of this handle's last failed call, 0 to 16. */
  get errno(): number {
    return this.#error.code;
  }

  /** The system's errno that came with it; 0 where no system call had failed. */
  get systemErrno(): number {
    return this.#error.errno;
  }

  /** The sentence for {@link IpqHandle.errno}. */
  errstr(): string {
    return this.#error.text();
  }

  /**
   * Prints a line to standard error: the prefix, or `ERROR`, then what errno and systemErrno mean.
   *
   * `myapp: Failed to send netlink message: Connection refused`
   */
  perror(prefix?: string | null): void {
    console.error("%s", this.#error.line(prefix));
  }

  /**
   * Asks for packets. What the kernel thinks of it comes as a message to read, if it refuses: EPERM
   * without CAP_NET_ADMIN, EBUSY when another process has the queue (over nfqueue also another thread,
   * see {@link IpqOptions.queue} and {@link IpqOptions.warn}), EINVAL for an unknown mode.
   *
   * @param mode `IPQ_COPY_NONE`, `IPQ_COPY_META` or `IPQ_COPY_PACKET`; 0 to 255
   * @param range bytes of each packet, 0 to 2⁶⁴−1. Its lowest 32 bits count, as in ip_queue: 2³² + 30
   *   is 30. Of those 0 and all above 65535 mean the whole packet
   * @returns bytes sent: 56
   * @throws {IpqError} code 12
   */
  setMode(mode: number, range: number | bigint = 0): number {
    checkInteger("mode", mode, 0, 0xff);
    const bytes = checkSize("range", range);
    try {
      return this.#open(IPQ_ERROR.SEND).setMode(mode, bytes);
    } catch (error) {
      throw this.#kept(error);
    }
  }

  /**
   * Reads one message and blocks this thread until it is there.
   *
   * @param buffer at least 20 bytes; a packet takes 112, its payload, and up to 3 of padding
   * @param timeout microseconds; 0 waits for ever, less than 0 not at all
   * @returns bytes of the message; 0 for a timeout (errno is 15 then) or a signal (errno stays, and
   *   systemErrno is EINTR)
   * @throws {IpqError} codes 6, 7, 10 and 14. After 10 the buffer has the message's beginning
   */
  read(buffer: Uint8Array, timeout = 0): number {
    checkInteger("timeout", timeout, INT.min, INT.max);
    const count = this.#receive(checkBytes("buffer", buffer), timeout);
    return count > 0 ? count : this.#nothing(count);
  }

  /**
   * Reads one message without blocking the thread. One such read at a time.
   *
   * @param buffer as for {@link IpqHandle.read}; it is written to when the promise resolves
   * @returns bytes of the message; 0 for a timeout, and errno is 15 then
   * @throws {IpqError} codes 6, 7, 10 and 14; 6 with EBADF when the handle is destroyed meanwhile
   * @throws the signal's reason when it aborts
   * @throws {Error} while another such read of this handle is under way
   */
  async readAsync(buffer: Uint8Array, options: IpqReadOptions = {}): Promise<number> {
    checkBytes("buffer", buffer);
    checkObject("options", options);
    const { timeout = 0, signal } = options;
    checkInteger("timeout", timeout, INT.min, INT.max);
    checkSignal(signal);
    signal?.throwIfAborted();
    if (this.#reading) throw new Error("readAsync: this handle is being read already");
    this.#reading = true;
    try {
      const deadline = timeout > 0 ? performance.now() + timeout / 1000 : Infinity;
      if (++this.#withoutWait >= SLICE) await this.#yield();
      for (;;) {
        signal?.throwIfAborted();
        // The program may have transferred or resized it while this waited.
        const count = this.#receive(checkBytes("buffer", buffer), -1);
        if (count > 0) return count;
        const left = deadline - performance.now();
        if (timeout < 0 || left <= 0) return this.#nothing(READ_TIMEOUT);
        this.#withoutWait = 0;
        await this.#readable(left, signal);
      }
    } finally {
      this.#reading = false;
    }
  }

  /**
   * Decides about a packet. What the kernel thinks of it comes as a message to read, if it refuses:
   * ENOENT for an id that is not queued, EINVAL for `NF_STOLEN` and what is above `NF_STOP`.
   *
   * Over nfqueue it may leave a little later, together with the next ones ({@link IpqOptions.gather}).
   *
   * @param id the packet's id, 0 to 2⁶⁴−1
   * @param verdict `NF_DROP`, `NF_ACCEPT`, `NF_QUEUE`, `NF_REPEAT` or `NF_STOP`; 0 to 2³²−1
   * @param data the packet's new bytes from the IP header on; its checksums are yours to mend
   *   ({@link finishChecksums} of the entry point `./packet`). Without it the packet stays as it is.
   *   Over nfqueue 65531 bytes at most: of a longer packet that many are read, and it passes whole
   *   when they are given back unchanged
   * @returns bytes sent: 40, or 40 and those of the data
   * @throws {IpqError} code 12; with EMSGSIZE for data that NFQUEUE cannot carry (up to 65535 bytes, or
   *   changes to a packet that was read in part). The packet is still queued then
   */
  setVerdict(id: number | bigint, verdict: number, data?: Uint8Array | null): number {
    const packet = checkSize("id", id);
    checkU32("verdict", verdict);
    const given = data === undefined || data === null ? undefined : checkBytes("data", data);
    const bytes = given?.length === 0 ? undefined : given;
    try {
      return this.#open(IPQ_ERROR.SEND).setVerdict(packet, verdict, bytes);
    } catch (error) {
      throw this.#kept(error);
    }
  }

  /**
   * Closes the handle; the kernel drops what is queued. Idempotent. Any later call fails as on a
   * closed descriptor (EBADF).
   */
  destroy(): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    this.#transport = undefined;
    this.#offExit();
    this.#interrupt?.();
    transport.close();
  }

  /** {@link IpqHandle.destroy} */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #receive(buffer: Uint8Array, timeout: number): number {
    try {
      return this.#open(IPQ_ERROR.RECEIVE).read(buffer, timeout);
    } catch (error) {
      throw this.#kept(error);
    }
  }

  /** What C's 0 says by its errors. */
  #nothing(why: number): number {
    for (const last of [this.#error, moduleError]) {
      // A signal leaves ipq_errno as it is, each its own.
      if (why === READ_INTERRUPTED) last.errno = ERRNO.EINTR;
      else last.record({ code: IPQ_ERROR.TIMEOUT, errno: 0 });
    }
    return 0;
  }

  #open(code: number): Transport {
    if (this.#transport !== undefined) return this.#transport;
    throw new IpqError(code, { errno: ERRNO.EBADF, advice: "The handle was destroyed" });
  }

  #kept(error: unknown): unknown {
    if (error instanceof IpqError) {
      this.#error.record(error);
      moduleError.record(error);
    }
    return error;
  }

  #readable(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#interrupt = undefined;
        withdraw();
        settle();
      };
      const abort = (): void => end(() => reject(signal?.reason));
      const wake = (): void => end(resolve);
      const withdraw = this.#whenReadable(wake);
      const timer = milliseconds === Infinity
        ? undefined
        : setTimeout(wake, Math.min(Math.ceil(milliseconds), LONGEST_TIMER));
      signal?.addEventListener("abort", abort);
      this.#interrupt = wake;
    });
  }

  /** Waiting takes a descriptor or two. */
  #whenReadable(wake: () => void): () => void {
    try {
      return this.#open(IPQ_ERROR.RECEIVE).whenReadable(wake);
    } catch (error) {
      const advice = error instanceof Error ? error.message : String(error);
      throw this.#kept(
        error instanceof IpqError
          ? error
          : new IpqError(IPQ_ERROR.RECEIVE, { errno: ERRNO.EMFILE, advice }),
      );
    }
  }

  /** Reads that find something at once would starve timers. */
  #yield(): Promise<void> {
    this.#withoutWait = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
