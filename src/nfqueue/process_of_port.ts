/**
 * The process behind the netlink port that owns a queue.
 *
 * @module
 */

import { netfilterSocket } from "../linux/proc/netlink_ports.ts";
import { socketHeldBy } from "../linux/proc/open_sockets.ts";
import { findProcess, type Process, processIds } from "../linux/proc/processes.ts";

/** The process that has a queue's socket open. */
export interface PortProcess extends Pick<Process, "id" | "name" | "state"> {
  /**
   * Whether it was seen to have the socket open. Otherwise its descriptors may not be looked at, and only
   * its id is the port's.
   */
  readonly certain: boolean;
}

/**
 * Finds the process of a port, as /proc/net/netfilter/nfnetlink_queue names it. The first netlink
 * socket of a process has the process's id for its port, in its own namespace of processes; others have
 * some other number. So the socket is looked for among the descriptors of all processes.
 *
 * @returns undefined where no process can be seen that it could be: it is in another namespace of
 * processes, or the descriptors of others may not be looked at
 */
export function processOfPort(portId: number): PortProcess | undefined {
  const inode = netfilterSocket(portId);
  const named = findProcess(portId);
  if (inode === undefined) return named && { ...named, certain: false };
  const holds = named && socketHeldBy(portId, inode);
  if (named !== undefined && holds === true) return { ...named, certain: true };
  for (const id of processIds()) {
    if (id === portId || socketHeldBy(id, inode) !== true) continue;
    const found = findProcess(id);
    if (found !== undefined) return { ...found, certain: true };
  }
  return holds === undefined && named !== undefined ? { ...named, certain: false } : undefined;
}
