/**
 * Queues of a stand-in kernel: no namespace, no rule, no system call.
 *
 * @module
 */

import { OPEN_IN, PacketQueue } from "../../../src/queue/packet_queue.ts";
import type { PacketQueueOptions } from "../../../mod.ts";
import { StandInKernel, type StandInOptions } from "../../../src/testing/kernel.ts";
import type { Passage, StandInPacket } from "../../../src/testing/passage.ts";
import { udpPacket } from "../traffic/packets.ts";

/** A queue, the kernel that it is of, and what a rule sends there. */
export class StandIn implements Disposable {
  readonly kernel: StandInKernel;
  readonly queue: PacketQueue;
  /** Every packet that was sent. */
  readonly sent: Passage[] = [];

  constructor(options: PacketQueueOptions = {}, kernelOptions: StandInOptions = {}) {
    this.kernel = new StandInKernel(kernelOptions);
    this.queue = PacketQueue[OPEN_IN](this.kernel, 7, { warn: false, ...options });
  }

  /** A rule sends a UDP packet with this text to the queue. */
  send(text: string, about: Omit<StandInPacket, "payload"> = {}): Passage {
    const passage = this.kernel.send(this.queue.number, { ...about, payload: udpPacket(text) });
    this.sent.push(passage);
    return passage;
  }

  /** So many of them. */
  sendAll(count: number): void {
    for (let index = 0; index < count; index++) this.send(`${index}`);
  }

  /** How each packet ended, in the order in which they were sent; `undefined` while it waits. */
  get ends(): readonly (readonly [verdict: number, cause: string] | undefined)[] {
    return this.sent.map(({ outcome }) => outcome && [outcome.verdict, outcome.cause] as const);
  }

  [Symbol.dispose](): void {
    this.queue.close();
  }
}
