// What has passed through a filter, in all and a second.
import type { FilterHost } from "../../filter/host.ts";
import type { QueueCounters } from "../../queue/report/counters.ts";

/** The state of things at one moment. Numbers are of packets. */
export interface Status {
  readonly packetsPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly droppedPerSecond: number;
  /** Packets that have no verdict yet, in the kernel or in the filter. */
  readonly waiting: number;
  /** Packets that found a buffer full. */
  readonly lost: number;
  readonly counters: QueueCounters;
}

/** Packets that never reached the filter. */
export const lostOf = ({ overruns, queueDropped }: QueueCounters): number =>
  overruns + queueDropped;

/** Reads a host's counters now and then. */
export class Rates {
  readonly #host: Pick<FilterHost, "statistics" | "waiting">;
  #before: QueueCounters;
  #at = performance.now();

  constructor(host: Pick<FilterHost, "statistics" | "waiting">) {
    this.#host = host;
    this.#before = host.statistics;
  }

  /** Since the last call. */
  next(): Status {
    const counters = this.#host.statistics;
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#at) / 1000);
    const rate = (name: "received" | "accepted" | "dropped") =>
      Math.round(Math.max(0, counters[name] - this.#before[name]) / seconds);
    const status: Status = {
      packetsPerSecond: rate("received"),
      acceptedPerSecond: rate("accepted"),
      droppedPerSecond: rate("dropped"),
      waiting: this.#host.waiting,
      lost: lostOf(counters),
      counters,
    };
    this.#before = counters;
    this.#at = now;
    return status;
  }
}
