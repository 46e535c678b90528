/**
 * All that sends packets of the program's own: by their addresses, or as frames of a bridge.
 *
 * @module
 */

import { FrameSender } from "./frame_sender.ts";
import { RawSender, type Route } from "./raw_sender.ts";

/** Raw sockets and a packet socket with the same mark, each opened at its first use. */
export class SystemSender implements Disposable {
  readonly #packets: RawSender;
  readonly #frames: FrameSender;

  /** @param mark of all that it sends, 32 bits */
  constructor(mark: number) {
    this.#packets = new RawSender(mark);
    this.#frames = new FrameSender(mark);
  }

  /** Opens the socket of an IP version, if it is not open yet. */
  prepare(version: 4 | 6): void {
    this.#packets.prepare(version);
  }

  /** Opens the socket for frames, if it is not open yet. */
  prepareFrames(): void {
    this.#frames.prepare();
  }

  /** See `RawSender.send`. */
  send(bytes: Uint8Array, beside: { readonly device: number }): void {
    this.#packets.send(bytes, beside);
  }

  /** See `FrameSender.send`. */
  sendFrame(header: Uint8Array, bytes: Uint8Array, { device }: { readonly device: number }): void {
    this.#frames.send(header, bytes, device);
  }

  /** See `RawSender.routeTo`. */
  routeTo(version: 4 | 6, address: Uint8Array, device: number): Route {
    return this.#packets.routeTo(version, address, device);
  }

  /** Closes the sockets. Idempotent. */
  close(): void {
    this.#packets.close();
    this.#frames.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
