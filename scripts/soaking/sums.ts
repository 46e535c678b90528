/** Where every packet of a phase was, or that nobody knows. */
import type { Tally } from "./order.ts";
import type { Arrivals } from "./traffic.ts";

/** What was counted around and in the consumers. */
export interface Counted {
  /** Packets that the queue's rule got, by the rule before it. */
  readonly entered: number;
  readonly arrivals: Arrivals;
  /** `statistics` of the consumer after `close()`; of the last one, where earlier ones were killed. */
  readonly statistics: Tally;
  /** Whether `statistics` tells of all packets, not only of those since the last kill. */
  readonly complete: boolean;
  /** What the kernel told of those that were killed: waiting, and its own drops. */
  readonly killed: {
    readonly waiting: number;
    readonly queueDropped: number;
    readonly userDropped: number;
  };
  /** Drops at the queue's limit that a consumer cannot know, because only root may read them. */
  readonly hidden: number;
  /**
   * Packets that the kernel queued a second time after their verdict, because a base chain came into the hook
   * meanwhile: each of these verdicts was right and none of them the last.
   */
  readonly again: number;
  /** Packets that the kernel threw away at the rule instead of queueing them: their device was going down. */
  readonly refused: number;
}

/** A row's numbers of packets. */
export interface Sums {
  sent: number;
  arrived: number;
  dropped: number;
  overruns: number;
  queueDropped: number;
  flushed: number;
  withProcess: number;
  hidden: number;
  again: number;
  refused: number;
  unaccounted: number;
  duplicates: number;
}

/** Nothing yet. */
export function noSums(): Sums {
  return {
    ...{ sent: 0, arrived: 0, dropped: 0, overruns: 0, queueDropped: 0, flushed: 0 },
    ...{ withProcess: 0, hidden: 0, again: 0, refused: 0, unaccounted: 0, duplicates: 0 },
  };
}

/** Adds a phase to a row. */
export function addSums(total: Sums, more: Sums): void {
  for (const name of Object.keys(total) as (keyof Sums)[]) total[name] += more[name];
}

/** The two ways in which the numbers can be wrong. */
export interface Gaps {
  /** Packets that came to the rule and are in no counter; negative: counted more than once. */
  readonly uncounted: number;
  /** Packets counted as let through that never arrived; negative: those that arrived uncounted. */
  readonly missing: number;
}

/** Each packet is to be in one place: it arrived, it was dropped, or it is a counted loss. */
export function sumUp(counted: Counted): { readonly sums: Sums; readonly gaps: Gaps } {
  const { entered, arrivals, killed, complete, hidden, again, refused } = counted;
  const number = (name: string) => counted.statistics[name] ?? 0;
  const overruns = number("overruns") + killed.userDropped;
  const queueDropped = number("queueDropped") + killed.queueDropped;
  const flushed = number("flushedByKernel");
  const dropped = number("dropped");
  // What the harness itself lost behind the queue has arrived as far as the queue goes.
  const arrived = arrivals.arrived + arrivals.lost;
  const passed = complete ? number("accepted") + number("otherVerdicts") : arrived;
  const lost = overruns + queueDropped + flushed + killed.waiting + hidden + refused;
  const gaps = {
    uncounted: entered + again - passed - dropped - lost,
    missing: passed - again - arrived,
  };
  const sums = {
    ...{ sent: entered, arrived, dropped, overruns, queueDropped, flushed },
    ...{ withProcess: killed.waiting, hidden, again, refused, duplicates: arrivals.duplicates },
    unaccounted: Math.abs(gaps.uncounted) + Math.abs(gaps.missing),
  };
  return { sums, gaps };
}
