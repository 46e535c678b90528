/**
 * Packets of a program's own.
 *
 * @module
 */

import { checkKeys, checkU32 } from "../base/checks.ts";
import { INJECTED_MARK } from "../linux/raw/own_marks.ts";
import { RawSender } from "../linux/raw/raw_sender.ts";
import { checkOutgoing } from "./outgoing.ts";

/** Options of `PacketSender.open`. */
export interface PacketSenderOptions {
  /**
   * The mark of its packets, 0 to 0xffffffff. Default {@linkcode PacketSender.defaultMark}, which no rule of
   * a `RuleSet` sends to a queue.
   */
  readonly mark?: number | undefined;
}

/**
 * Sends IPv4 and IPv6 packets of one's own, from any source address. They leave through this host's
 * output hook, with a mark. It needs CAP_NET_RAW.
 *
 * @example
 * ```ts no-eval
 * import { PacketSender } from "@nfqueue/nfqueue";
 * import { buildPacket } from "@nfqueue/nfqueue/packet";
 *
 * using sender = PacketSender.open();
 * sender.send(buildPacket({
 *   ipv4: { source: "192.0.2.1", destination: "192.0.2.2" },
 *   udp: { sourcePort: 5000, destinationPort: 53 },
 *   payload: new TextEncoder().encode("hello"),
 * }));
 * ```
 */
export class PacketSender implements Disposable {
  /** The mark of packets that this library sends, if no other one is given. */
  static readonly defaultMark: number = INJECTED_MARK;

  readonly #mark: number;
  #sender: RawSender | undefined;
  #closed = false;

  private constructor(mark: number) {
    this.#mark = mark;
  }

  /**
   * Makes a sender. Its sockets are opened at the first packet of each IP version.
   *
   * @throws {TypeError | RangeError} for a wrong option
   */
  static open(options: PacketSenderOptions = {}): PacketSender {
    checkKeys("options", options, ["mark"]);
    const { mark = INJECTED_MARK } = options;
    return new PacketSender(checkU32("mark", mark));
  }

  /** The mark of its packets. */
  get mark(): number {
    return this.#mark;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends a packet to the destination that its IP header names. It is routed as this host's own packets
   * are.
   * The kernel computes the header checksum of IPv4, fills in an identification of 0 where the packet may
   * be split, and this host's address for the source 0.0.0.0. All else goes as it is, so the transport
   * checksum must be right.
   *
   * @param bytes a whole packet from its IP header on
   * @throws {TypeError} when it is no Uint8Array
   * @throws {RangeError} when it is no whole IPv4 or IPv6 packet, or larger than its way takes
   * @throws {SystemError} without CAP_NET_RAW; when a rule drops it (EPERM); when there is no route
   * @throws {Error} when the sender is closed
   */
  send(bytes: Uint8Array): void {
    const packet = checkOutgoing("bytes", bytes);
    if (this.#closed) throw new Error("the PacketSender is closed");
    (this.#sender ??= new RawSender(this.#mark)).send(packet, { device: 0 });
  }

  /** Closes its sockets. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#sender?.close();
    this.#sender = undefined;
  }

  /** Closes it, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}
