/**
 * What a handle needs from its way to the kernel's queue.
 *
 * @module
 */

/** How packets reach a handle: the kernel's ip_queue through libipq, or NFQUEUE. */
export type IpqTransportName = "libipq" | "nfqueue";

/** Options of a new handle. All may be left out. */
export interface IpqOptions {
  /**
   * `"libipq"` is the system's libipq.so and needs a kernel with ip_queue (before 3.5). `"nfqueue"` is
   * libnetfilter_queue and runs on every kernel of today. `"auto"`, the default, takes libipq where it
   * can be opened and the kernel answers, else nfqueue.
   */
  readonly transport?: IpqTransportName | "auto" | undefined;
  /**
   * The queue's number for the transport nfqueue, 0 to 65535. Default 0: what `iptables -j QUEUE`
   * means today, for IPv4 and IPv6 alike. A queue has one owner, so a second program or thread needs
   * another number, `{ queue: 1 }`, and rules with `-j NFQUEUE --queue-num 1`. An IPv4 and an IPv6
   * handle of one thread share a queue.
   */
  readonly queue?: number | undefined;
  /**
   * Whether verdicts over nfqueue may leave together. Default true: a program that decides packet
   * after packet without a pause of 0.1 ms lets a verdict wait for those of the packets that were
   * received with it, at most 16, until it reads on, calls anything else here, or ends. With false
   * every verdict has left when the call returns, as in C, at about half the speed: for programs that
   * block for something else than packets (a child process, a prompt) right after a verdict.
   */
  readonly gather?: boolean | undefined;
  /**
   * Whether to say on the console, once, what to do when the kernel answers EBUSY over nfqueue: the
   * answer itself is a number. Default true.
   */
  readonly warn?: boolean | undefined;
}

/** All of them, with values. */
export interface IpqSettings {
  readonly transport: IpqTransportName | "auto";
  readonly queue: number;
  readonly gather: boolean;
  readonly warn: boolean;
}

/** A read ended without a message because its time was over. */
export const READ_TIMEOUT = 0;
/** A read ended without a message because of a signal. */
export const READ_INTERRUPTED = -1;

/** One open handle, in the C library's terms. All throw IpqError where C gives −1. */
export interface Transport {
  readonly name: IpqTransportName;
  /** A descriptor that poll(2) understands. */
  readonly descriptor: number;
  /** Bytes sent. */
  setMode(mode: number, range: bigint): number;
  /**
   * Bytes of the message, READ_TIMEOUT or READ_INTERRUPTED.
   *
   * @param timeout microseconds; 0 waits for ever, less than 0 not at all
   */
  read(buffer: Uint8Array, timeout: number): number;
  /** Bytes sent. */
  setVerdict(id: bigint, verdict: number, data: Uint8Array | undefined): number;
  /** Calls back once, when a read may find something. Gives back how to withdraw. */
  whenReadable(callback: () => void): () => void;
  /** Closes everything; the kernel drops what is queued. */
  close(): void;
}
