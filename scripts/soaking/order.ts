/** What the harness and a consumer say to each other: one line of JSON each. */
import type { PacketQueueOptions } from "../../mod.ts";

/** The ways of running a queue. */
export const WAYS = [
  "runSync",
  "run",
  "run, async handler",
  "for await",
  "several queues",
  "worker",
] as const;
export type Way = (typeof WAYS)[number];

/** How a handler behaves: manners.ts. */
export type MannerName = "plain" | "slow" | "throwing" | "holding";

/** Consumers that lie show that the harness notices. */
export const LIES = ["none", "drops-silently", "sends-twice"] as const;
export type Lie = (typeof LIES)[number];

/** Queues to open and to run. */
export interface Order {
  readonly way: Way;
  readonly manner: MannerName;
  readonly queues: readonly number[];
  /** Options of `open`; those that this version does not know yet are left out. */
  readonly options: PacketQueueOptions & { readonly onHandlerError?: 0 | 1 };
  readonly lie: Lie;
  readonly seed: number;
}

/** Numbers by name. */
export type Tally = Record<string, number>;

/** What a consumer knows at the end. */
export interface Report {
  /** `statistics` of its queues after `close()`, added up. */
  readonly statistics: Tally;
  /** Events by type. */
  readonly events: Tally;
  /** What the loops threw, but for what the handler threw at them. */
  readonly errors: Tally;
}

/** What is asked of a consumer. */
export type Question =
  | { readonly ask: "start"; readonly order: Order }
  /** Takes CAP_NET_ADMIN out of use in the thread of the queues, or puts it back. */
  | { readonly ask: "netAdmin"; readonly used: boolean }
  | { readonly ask: "reconfigure"; readonly maxLength: number; readonly copyRange: number }
  | { readonly ask: "terminate" }
  | { readonly ask: "collect" }
  | { readonly ask: "stop" };

/** Its answer; a question that failed has the error's words. */
export interface Answer {
  readonly report?: Report;
  readonly error?: string;
}

/** Adds the numbers of one tally to another. */
export function add(total: Tally, more: Tally): Tally {
  for (const [name, value] of Object.entries(more)) total[name] = (total[name] ?? 0) + value;
  return total;
}
