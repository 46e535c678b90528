/**
 * What most tests of a queue need: a sender, a receiver, and a queue between them.
 *
 *     await using scene = await Scene.udp({ queue: { batchSize: 8 } });
 *     scene.run((packet) => packet.accept());
 *     await scene.sender.sendAll(["one", "two"], scene.receiver);
 *     assert.deepEqual(await scene.receiver.take(2), ["one", "two"]);
 *
 * @module
 */

import { type Handler, PacketQueue, type PacketQueueOptions } from "../../../mod.ts";
import { type Lane, nextLane, packetsOf } from "../network/lanes.ts";
import { UdpSocket } from "../traffic/udp.ts";
import { Filter } from "./filter.ts";

/** What is unlike the usual scene. */
export interface SceneOptions {
  /** Default 4. */
  readonly family?: 4 | 6;
  /** Where packets are queued: on their way out (the default) or in. */
  readonly chain?: "OUTPUT" | "INPUT";
  /** How the queue is opened. */
  readonly queue?: PacketQueueOptions;
}

/** Datagrams of a sender's socket pass a queue and reach a receiver on loopback. */
export class Scene implements AsyncDisposable {
  readonly receiver: UdpSocket;
  readonly sender: UdpSocket;
  readonly queue: PacketQueue;
  readonly #lane: Lane;
  #filter: Filter | undefined;

  private constructor(lane: Lane, options: SceneOptions, sockets: readonly [UdpSocket, UdpSocket]) {
    this.#lane = lane;
    [this.receiver, this.sender] = sockets;
    this.queue = PacketQueue.open(lane.queue, options.queue);
  }

  /** Opens a receiver, a sender and a queue, with a rule that sends to it what is for the receiver. */
  static async udp(options: SceneOptions = {}): Promise<Scene> {
    const family = options.family ?? 4;
    const lane = nextLane({ family, chain: options.chain ?? "OUTPUT" });
    using stack = new DisposableStack();
    const receiver = stack.use(await UdpSocket.open({ family, port: lane.port }));
    const sender = stack.use(await UdpSocket.open({ family }));
    const scene = new Scene(lane, options, [receiver, sender]);
    stack.move();
    return scene;
  }

  /** Packets that the rule has sent to the queue. */
  get queued(): number {
    return packetsOf(this.#lane);
  }

  /** Lets the queue run in the background, until the scene ends or the filter is disposed. */
  run(handler: Handler): Filter {
    return this.#filter = new Filter(this.queue, handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#filter?.[Symbol.asyncDispose]();
    } finally {
      this.queue.close();
      this.sender[Symbol.dispose]();
      this.receiver[Symbol.dispose]();
    }
  }
}
