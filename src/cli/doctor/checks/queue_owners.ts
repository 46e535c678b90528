// Who owns the queues, and whether it is at work.
import type { Facts, QueueFact } from "../terms/facts.ts";
import { count, type Finding, note, ok, warning } from "../terms/finding.ts";

export function checkQueueOwners({ queues: { queues } }: Facts): readonly Finding[] {
  return queues.map(judge);
}

function judge({ later, owner, inherited }: QueueFact): Finding {
  const { queue, portId, length } = later;
  const waiting = length === 0
    ? ""
    : ` ${count(length, "packet")} wait${length === 1 ? "s" : ""} in it.`;
  if (owner === undefined) {
    const message =
      `Nobody can be seen here who owns queue ${queue} (netlink port ${portId}): the ` +
      `process is in another namespace, or its descriptors may not be looked at.${waiting}`;
    const make = length === 0 ? note : warning;
    return make(
      "queue-owner-unknown",
      message,
      "Look from outside, as root: nfqueue doctor, or ss -f netlink -p.",
    );
  }
  const who = `process ${owner.id} (${owner.name})`;
  if (inherited) {
    const message =
      `The process that opened queue ${queue} has ended (${portId}), and ${who} inherited ` +
      `its socket: most likely nobody decides about packets.${waiting}`;
    return warning(
      "queue-owner-gone",
      message,
      `End it: kill ${owner.id}. Then the queue is free.`,
    );
  }
  if (owner.state === "stopped") {
    const message =
      `Queue ${queue} is owned by ${who}, which is stopped: nobody decides about packets.` +
      waiting;
    return warning(
      "queue-owner-stopped",
      message,
      `Let it go on (kill -CONT ${owner.id}), or end it.`,
    );
  }
  const likely = owner.certain ? "" : "most likely ";
  return ok("queue-owner", `Queue ${queue} is owned by ${likely}${who}.${waiting}`);
}
