/**
 * A handle at work in the background of a test, and messages made by hand.
 *
 * @module
 */

import type { NfqHandle } from "../../src/libnetfilter_queue/mod.ts";
import { encodePacketMessage, type QueuePacketMessage } from "../../src/netlink/mod.ts";
import { within } from "../support/runtime/waiting.ts";

/** Takes everything that the kernel sends. */
export const BUFFER_SIZE = 0x12000;

/** Receives and hands on until disposed; what goes wrong reaches the test then. */
export class Serving implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;
  /** What `nfq_handle_packet` gave, in order. */
  readonly results: number[] = [];

  constructor(handle: NfqHandle) {
    this.#done = this.#run(handle);
    this.#done.catch(() => {});
  }

  async #run(handle: NfqHandle): Promise<void> {
    const buffer = new Uint8Array(BUFFER_SIZE);
    const { signal } = this.#controller;
    while (!signal.aborted) {
      try {
        const length = await handle.receiveAsync(buffer, { signal });
        this.results.push(handle.nfq_handle_packet(buffer, length));
      } catch (error) {
        if (error !== signal.reason) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    await within(this.#done, { what: "serving to end" });
  }
}

/** Receives one datagram, waiting for it, and hands it on. */
export function serveOne(handle: NfqHandle): number {
  const buffer = new Uint8Array(BUFFER_SIZE);
  const length = handle.receive(buffer, { timeout: 5000 });
  if (length === undefined) throw new Error("no packet came");
  return handle.nfq_handle_packet(buffer, length);
}

/** A packet message as the kernel sends it. */
export function packetMessage(
  queue: number,
  more: Partial<QueuePacketMessage> = {},
): Uint8Array {
  return encodePacketMessage({
    ...{ family: 2, queue, sequence: 0, id: 1, hwProtocol: 0x0800, hook: 3 },
    ...more,
  });
}

/** Several messages in one datagram. */
export function joined(...messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}
