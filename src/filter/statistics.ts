import { Counters, type QueueCounters } from "../queue/report/counters.ts";

/** The counters of several queues as one's. */
export function sumOf(all: readonly QueueCounters[]): QueueCounters {
  const sum: { -readonly [Name in keyof QueueCounters]: number } = new Counters().snapshot();
  for (const counters of all) {
    for (const name of Object.keys(sum) as (keyof QueueCounters)[]) sum[name] += counters[name];
  }
  return sum;
}
