/**
 * Queue numbers that nobody else uses.
 *
 * @module
 */

import { readFileSync } from "node:fs";

let last = 100;

/** Queue numbers with an owner in this network namespace, and the owner's netlink port. */
export function ownedQueues(): ReadonlyMap<number, number> {
  const owned = new Map<number, number>();
  for (const line of readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8").split("\n")) {
    const [queue, port] = line.trim().split(/\s+/).map(Number);
    if (queue !== undefined && port !== undefined) owned.set(queue, port);
  }
  return owned;
}

/**
 * A fresh queue number for every test, so that what one test leaves behind cannot hide another's
 * mistake; what an earlier file of the same process still owns is passed over.
 *
 * @param row how many in a row; the first is returned
 */
export function nextQueue(row = 1): number {
  const owned = ownedQueues();
  const isTaken = (first: number) =>
    Array.from({ length: row }).some((_, at) => owned.has(first + at));
  do last++; while (isTaken(last));
  const first = last;
  last += row - 1;
  return first;
}
