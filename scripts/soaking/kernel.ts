/** What the kernel tells of queues, whoever owns them. */
import { setTimeout as delay } from "node:timers/promises";
import { type QueueStatistics, queueStatistics } from "../../mod.ts";

/** Numbers of several queues, added up. */
export interface KernelCounts {
  /** Packets that wait for a verdict. */
  readonly waiting: number;
  readonly queueDropped: number;
  readonly userDropped: number;
  /** Whatever has come to the queues. */
  readonly seen: number;
}

/** Those that are bound. */
export function kernelCounts(queues: readonly number[]): KernelCounts {
  const lines = queueStatistics().filter(({ queue }) => queues.includes(queue));
  const sum = (value: (line: QueueStatistics) => number) =>
    lines.reduce((total, line) => total + value(line), 0);
  const queueDropped = sum((line) => line.queueDropped);
  return {
    waiting: sum(({ length }) => length),
    queueDropped,
    userDropped: sum(({ userDropped }) => userDropped),
    seen: queueDropped + sum(({ idSequence }) => idSequence),
  };
}

/** Times to look before something counts as at rest, and the pause between (ms). */
const LOOKS = 4;
const PAUSE = 15;
/** What is at work for longer is measured as it is. */
const MOST_LOOKS = 400;

/** Waits until nothing comes any more, and no packet gets its verdict. */
export async function atRest(queues: readonly number[]): Promise<void> {
  let last = "";
  let same = 0;
  for (let looks = 0; looks < MOST_LOOKS && same < LOOKS; looks++) {
    const now = JSON.stringify(kernelCounts(queues));
    same = now === last ? same + 1 : 0;
    last = now;
    await delay(PAUSE);
  }
}
