// Whether packets of the queues are being lost, or nobody decides.
import type { Facts, QueueFact } from "../terms/facts.ts";
import { count, type Finding, note, warning } from "../terms/finding.ts";

export function checkQueueTraffic({ queues: { queues } }: Facts): readonly Finding[] {
  return queues.flatMap(judge);
}

/** Numbers of the kernel have 32 bits and begin anew. */
const grown = (before: number, after: number): number => (after - before) >>> 0;

function judge(fact: QueueFact): readonly Finding[] {
  const { first, later, interval } = fact;
  const { queue } = later;
  const found: Finding[] = [];
  const time = `${Math.round(interval)} ms`;
  const full = grown(first.queueDropped, later.queueDropped);
  const overrun = grown(first.userDropped, later.userDropped);
  if (full > 0) {
    found.push(warning(
      "queue-full",
      `Queue ${queue} is full: in ${time} ${count(full, "packet")} found no room and were dropped.`,
      "Decide faster, use more queues (balance), or open it with a larger maxLength. With failOpen " +
        "such packets pass.",
    ));
  }
  if (overrun > 0) {
    found.push(warning(
      "queue-overrun",
      `The socket of queue ${queue} is full: in ${time} ${count(overrun, "packet")} were dropped.`,
      "Open it with a larger receiveBuffer or a smaller copyRange, or decide faster.",
    ));
  }
  const decided = grown(first.idSequence, later.idSequence) + first.length - later.length;
  if (later.length > 0 && decided <= 0) {
    found.push(warning(
      "queue-stuck",
      `${count(later.length, "packet")} wait in queue ${queue}, and none was decided in ${time}.`,
      "The program holds them, or it is stuck.",
    ));
  }
  const before = later.queueDropped + later.userDropped;
  if (before > 0 && full + overrun === 0) {
    found.push(note(
      "queue-dropped",
      `Queue ${queue} has lost packets since it was bound: ${later.queueDropped} because it was full, ` +
        `${later.userDropped} because its socket was. None is being lost now.`,
    ));
  }
  return found;
}
