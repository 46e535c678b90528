/**
 * A queue's handler as the middle of a connection: packets pass a real `PacketQueue` over the stand-in
 * kernel, synchronously.
 *
 * @module
 */

import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { OPEN_IN } from "../../../src/queue/packet_queue.ts";
import { StandInKernel } from "../../../src/testing/kernel.ts";
import { ipHeaderLength } from "../traffic/packets.ts";
import type { Middle } from "./connection.ts";
import type { Frame } from "./endpoint.ts";
import { finish, isUnfinished, unfinish } from "./segment.ts";

/** NFQA_SKB_CSUMNOTREADY and NFQA_SKB_GSO of linux/netfilter/nfnetlink_queue.h. */
const SKB_INFO = { CHECKSUM_NOT_READY: 1, GSO: 2 } as const;
const AT_ONCE = { timeout: 0 } as const;

/** Sends packets through a handler. One object serves many connections, one after the other. */
export class QueueMiddle implements Disposable {
  /** What the handler threw. */
  errors: unknown[] = [];
  /** What is wrong with what came out. */
  complaints: string[] = [];
  /** Packets so far. */
  packets = 0;
  /** What serves the packets. */
  handler: (packet: Packet) => Verdict | void = () => Verdict.Accept;
  /** Packets come with checksums that nobody has computed yet, as those that a host sends itself. */
  unfinished = false;

  readonly #kernel = new StandInKernel();
  readonly #queue: PacketQueue;

  constructor() {
    this.#queue = PacketQueue[OPEN_IN](this.#kernel, 0, {
      warn: false,
      onHandlerError: (error) => {
        this.errors.push(error);
        return Verdict.Drop;
      },
    });
  }

  /** For `play`. */
  readonly middle: Middle = (frame, fromClient) => {
    const { sent, outcomes } = this.#kernel;
    this.packets++;
    sent.length = outcomes.length = 0;
    const payload = frame.bytes.slice();
    const start = ipHeaderLength(payload);
    if (this.unfinished) unfinish(payload, start);
    const skbInfo = (this.unfinished ? SKB_INFO.CHECKSUM_NOT_READY : 0) |
      (frame.gso > 0 ? SKB_INFO.GSO : 0);
    this.#kernel.send(0, { payload, skbInfo });
    this.#queue.runSync((packet) => this.handler(packet), AT_ONCE);
    const outcome = outcomes[0];
    if (outcome === undefined) throw new Error("a packet has no verdict");
    const out: { frame: Frame; toClient: boolean }[] = this.takeSent();
    if (outcome.verdict !== 1) return out;
    const bytes = outcome.payload.slice();
    // The device finishes what the packet came with, and only that.
    if (this.unfinished && isUnfinished(bytes, start)) finish(bytes, start);
    const data = bytes.length - start - (bytes[start + 12]! >> 4) * 4;
    if (frame.gso > 0 && data <= frame.gso) {
      this.complaints.push(`a packet of several segments became one of ${bytes.length} bytes`);
    }
    out.push({ frame: { bytes, gso: frame.gso }, toClient: !fromClient });
    return out;
  };

  /** What was sent beside, since the last packet. */
  takeSent(): { frame: Frame; toClient: boolean }[] {
    const out = this.#kernel.sent.map(({ bytes }) => {
      const start = ipHeaderLength(bytes);
      const port = (bytes[start + 2]! << 8) | bytes[start + 3]!;
      return { frame: { bytes, gso: 0 }, toClient: port !== 80 };
    });
    this.#kernel.sent.length = 0;
    return out;
  }

  [Symbol.dispose](): void {
    this.#queue.close();
  }
}
