// A base chain that is deleted drops every packet that waits in any queue of the network namespace. So
// we wait for a moment in which none does.
import { libc } from "../../ffi/libraries/libc.ts";
import { disposing } from "../base/disposing.ts";
import { OpenQueueTable } from "../nfqueue/queue_table.ts";
import { isOpenHere } from "../nfqueue/socket.ts";
import type { Range } from "./rule/rule.ts";

/** How long the packets of our own queues may take. */
const OWN_MILLISECONDS = 1000;
/** How long the packets of other programs may take. */
const OTHERS_MILLISECONDS = 200;
/** Where the kernel does not tell who waits. */
const BLIND_MILLISECONDS = 50;
const STEP_MILLISECONDS = 2;

/** Blocks this thread until these queues are empty, and then until all are. Never for long. */
export function waitForQuietMoment(own: Iterable<Range<number>>): void {
  disposing(new OpenQueueTable(), (table) => waitWith(table, own));
}

function waitWith(table: OpenQueueTable, own: Iterable<Range<number>>): void {
  const { errno } = table.read();
  if (errno !== 0) return sleep(BLIND_MILLISECONDS);
  const ranges = [...own];
  const isOwn = (queue: number) => ranges.some(({ from, to }) => queue >= from && queue <= to);
  // Nobody decides about packets of a queue of this thread while it is blocked.
  const waiting = (wanted: (queue: number) => boolean) =>
    table.read().queues.some(({ queue, length }) =>
      length > 0 && wanted(queue) && !isOpenHere(queue)
    );
  until(OWN_MILLISECONDS, () => !waiting(isOwn));
  until(OTHERS_MILLISECONDS, () => !waiting((queue) => !isOwn(queue)));
}

function until(milliseconds: number, reached: () => boolean): void {
  const end = performance.now() + milliseconds;
  while (!reached() && performance.now() < end) sleep(STEP_MILLISECONDS);
}

function sleep(milliseconds: number): void {
  libc().usleep(milliseconds * 1000);
}
