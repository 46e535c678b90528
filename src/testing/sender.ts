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
}

/** Hands over what is sent. Every address is this host's own. */
export class StandInSender implements KernelSender {
  readonly #sent: (bytes: Uint8Array<ArrayBuffer>, beside: Beside) => void;

  constructor(sent: (bytes: Uint8Array<ArrayBuffer>, beside: Beside) => void) {
    this.#sent = sent;
  }

  prepare(): void {}

  send(bytes: Uint8Array, beside: Beside): void {
    this.#sent(copyOf(bytes), beside);
  }

  routeTo(_version: 4 | 6, address: Uint8Array): Route {
    return { source: address, errno: 0, mtu: 0 };
  }

  close(): void {}
}
