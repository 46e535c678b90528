// Every bound queue of this network namespace and its owner, looked at twice.
import { setTimeout as delay } from "node:timers/promises";
import { readSystemFile } from "../../../linux/files.ts";
import { findProcess } from "../../../linux/proc/processes.ts";
import { type PortProcess, processOfPort } from "../../../nfqueue/process_of_port.ts";
import { readQueueTable } from "../../../nfqueue/queue_table.ts";
import type { QueueFact, QueuesFact } from "../terms/facts.ts";

/** Long enough to see that packets are being lost (ms). */
const INTERVAL = 250;
/** Ports from here on are no process ids: the kernel's choice for the second socket of a process. */
const CHOSEN_PORTS = 0x80000000;

/** Looks, waits where there are queues, and looks again. */
export async function queueFacts(): Promise<QueuesFact> {
  const { queues, errno, mounted } = readQueueTable();
  if (queues.length === 0) return { queues: [], errno, mounted };
  const begun = performance.now();
  await delay(INTERVAL);
  const interval = performance.now() - begun;
  const again = readQueueTable().queues;
  const facts = queues.flatMap((first): QueueFact[] => {
    const later = again.find(({ queue, portId }) =>
      queue === first.queue && portId === first.portId
    );
    if (later === undefined) return [];
    const owner = processOfPort(first.portId);
    return [{ first, later, interval, owner, inherited: isInherited(first.portId, owner) }];
  });
  return { queues: facts, errno, mounted };
}

function isInherited(portId: number, owner: PortProcess | undefined): boolean {
  if (portId >= CHOSEN_PORTS || owner?.certain !== true || owner.id === portId) return false;
  // In a namespace of its own the process has another id: the last of these.
  const ids = /^NSpid:\s+(.*)$/m.exec(readSystemFile(`/proc/${owner.id}/status`).text ?? "")?.[1];
  if (Number(ids?.split(/\s+/).at(-1)) === portId) return false;
  return findProcess(portId) === undefined;
}
