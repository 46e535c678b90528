/**
 * Packets that a program sends beside its verdicts: they are kept.
 *
 * @module
 */

import { copyOf } from "../base/bytes.ts";
import type { Beside, KernelSender, Route } from "../nfqueue/kernel_queue.ts";

/** One of them. */
export interface SentPacket {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mark: number;
  /** The link layer's header, of what goes into a bridge. */
  readonly header?: Uint8Array<ArrayBuffer>;
}

/** Hears of one: `header` is that of a frame. */
type Sent = (
  bytes: Uint8Array<ArrayBuffer>,
  beside: Beside,
  header?: Uint8Array<ArrayBuffer>,
) => void;

/** Hands over what is sent. Every address is this host's own. */
export class StandInSender implements KernelSender {
  readonly #sent: Sent;

  constructor(sent: Sent) {
    this.#sent = sent;
  }

  prepare(): void {}

  send(bytes: Uint8Array, beside: Beside): void {
    this.#sent(copyOf(bytes), beside);
  }

  prepareFrames(): void {}

  sendFrame(header: Uint8Array, bytes: Uint8Array, beside: Beside): void {
    this.#sent(copyOf(bytes), beside, copyOf(header));
  }

  routeTo(_version: 4 | 6, address: Uint8Array): Route {
    return { source: address, errno: 0, mtu: 0 };
  }

  close(): void {}
}
