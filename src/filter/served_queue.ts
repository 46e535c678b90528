// One queue of a host, and the filter that decides there now.
import { deferred } from "../base/deferred.ts";
import type { HandlerResult } from "../queue/loops/deliver.ts";
import type { Packet } from "../queue/packet/packet.ts";
import { type PacketQueue, WAITING } from "../queue/packet_queue.ts";
import type { Verdict } from "../queue/packet/verdict.ts";
import { Engagement } from "./engagement.ts";
import type { CheckedFilter } from "./filter.ts";

/** A queue and its handler. Which filter the handler asks can change between two packets. */
export class ServedQueue {
  readonly queue: PacketQueue;
  readonly #worker: number;
  readonly #state: Record<string, unknown> = {};
  /** The filter of the next packet. */
  current: Engagement;
  /** While it stands, packets wait for it: the filter is being replaced. */
  #gate: Promise<void> | undefined;
  #running = false;

  constructor(queue: PacketQueue, worker: number, filter: CheckedFilter) {
    this.queue = queue;
    this.#worker = worker;
    this.current = this.engage(filter);
  }

  /** Another filter for this queue, not at work yet. */
  engage(filter: CheckedFilter): Engagement {
    const { queue } = this;
    return new Engagement(filter, { queue, worker: this.#worker, state: this.#state });
  }

  /** Whether packets are handed out. */
  get running(): boolean {
    return this.#running;
  }

  /** Hands out packets until the signal aborts or the queue is closed. */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    try {
      await this.queue.run(this.#handler, { signal });
    } finally {
      this.#running = false;
    }
  }

  /** Lets the next packets wait until the result is called. Nothing is decided meanwhile. */
  hold(): () => void {
    const { promise, resolve } = deferred<void>();
    this.#gate = promise;
    return () => {
      this.#gate = undefined;
      resolve();
    };
  }

  /** For the queue's `onHandlerError`. */
  verdictAfter(error: unknown, packet: Packet): Verdict | undefined {
    return this.current.verdictAfter(error, packet);
  }

  /** Packets that have no verdict yet, the kernel's too where it tells. */
  get waiting(): number {
    return this.queue[WAITING];
  }

  /** One for all packets. */
  readonly #handler = (packet: Packet): HandlerResult | Promise<HandlerResult> => {
    if (this.#gate === undefined) return this.current.decide(packet);
    return this.#gate.then(() => this.current.decide(packet));
  };
}
