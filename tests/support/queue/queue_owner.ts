/**
 * The owner of a queue, one datagram at a time: of a queue of the system's kernel or of a stand-in's.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Kernel, KernelQueue, KernelQueueOptions } from "../../../src/nfqueue/kernel_queue.ts";
import { decodeError, NLMSG } from "../../../src/netlink/message.ts";
import { encodeConfig, type QueueConfig } from "../../../src/netlink/queue/config.ts";
import { decodePacketMessage, type QueuePacketMessage } from "../../../src/netlink/queue/packet.ts";
import { tagMessage } from "../../../src/netlink/queue/verdict.ts";

/** Slots of one receive. */
const SLOTS = 16;
const SLOT_SIZE = 2048;
const EAGAIN = 11;
const ENOBUFS = 105;

/** An answer to a message: its errno, and what it gives back of the message's header. */
export interface Answer {
  readonly error: number;
  readonly type: number;
  readonly sequence: number;
  readonly tag: number;
}

/** What one receive gave. */
export type Received =
  | { readonly packet: QueuePacketMessage }
  | { readonly answer: Answer }
  /** The receive itself failed. */
  | { readonly errno: number };

/** A message with a number of its own in its header (`nlmsg_pid`), which an answer echoes. */
export function tagged(message: Uint8Array, tag: number): Uint8Array {
  tagMessage(new DataView(message.buffer, message.byteOffset), 0, tag);
  return message;
}

/** One bound queue; packets of `copyRange` bytes are asked for at once. */
export class QueueOwner implements Disposable {
  readonly number: number;
  readonly queue: KernelQueue;
  readonly #memory;
  readonly #outgoing;
  #sequence = 0;

  constructor(
    kernel: Kernel,
    options: Partial<KernelQueueOptions> & { readonly number: number; readonly copyRange?: number },
  ) {
    this.number = options.number;
    this.#memory = kernel.receiveMemory({ slots: SLOTS, slotSize: SLOT_SIZE });
    this.#outgoing = kernel.sendMemory(1 << 17);
    this.queue = kernel.open({
      ...{ maxLength: undefined, receiveBuffer: 1 << 20, reportOverruns: false, flags: {} },
      ...options,
    });
    this.configure({ copyMode: "packet", copyRange: options.copyRange ?? 0 });
  }

  /** Sends a configuration and reads its answer, which is to come next. Gives the errno. */
  configure(config: Omit<QueueConfig, "queue" | "sequence" | "acknowledge">): number {
    const sequence = ++this.#sequence;
    const message = { ...config, queue: this.number, sequence, acknowledge: true };
    this.queue.sendConfiguration(encodeConfig(message));
    const [received, ...rest] = this.read();
    assert.deepEqual(rest, []);
    assert.ok(received !== undefined && "answer" in received);
    assert.equal(received.answer.sequence, sequence);
    return received.answer.error;
  }

  /** Sends messages in one datagram. False without the capability. */
  send(...messages: readonly Uint8Array[]): boolean {
    return this.queue.send(this.#outgoing, this.#gather(messages));
  }

  /** The same with room for an answer to each. */
  sendInDoubt(...messages: readonly Uint8Array[]): boolean {
    return this.queue.sendInDoubt(this.#outgoing, this.#gather(messages));
  }

  /** What is there, up to the first failure. */
  read(): Received[] {
    const all: Received[] = [];
    for (;;) {
      const count = this.queue.receive(this.#memory, 0, SLOTS);
      if (count === -EAGAIN) return all;
      if (count < 0) {
        all.push({ errno: -count });
        assert.equal(-count, ENOBUFS);
        continue;
      }
      for (let slot = 0; slot < count; slot++) all.push(this.#look(slot));
    }
  }

  [Symbol.dispose](): void {
    this.queue.close();
  }

  /** @returns bytes in all */
  #gather(messages: readonly Uint8Array[]): number {
    let length = 0;
    for (const message of messages) {
      this.#outgoing.bytes.set(message, length);
      length += message.length;
    }
    return length;
  }

  #look(slot: number): Received {
    const start = slot * SLOT_SIZE;
    const bytes = this.#memory.bytes.slice(start, start + this.#memory.length(slot));
    const view = new DataView(bytes.buffer);
    if (view.getUint16(4, true) !== NLMSG.ERROR) return { packet: decodePacketMessage(bytes) };
    const { error, originalType, originalSequence, originalPortId } = decodeError(view, 0);
    const answer = { error, type: originalType, sequence: originalSequence, tag: originalPortId };
    return { answer };
  }
}
