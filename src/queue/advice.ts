/**
 * Turns the errno of opening a queue into a sentence that says what to do.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { readSystemFile } from "../../ffi/files.ts";
import { readQueueTable } from "../../ffi/queue_table.ts";
import { type Refusal, refusalOf } from "../../ffi/refusal.ts";

/** What was being done, and to what. */
export interface OpenFailure {
  readonly errno: number;
  readonly queue?: number;
  readonly flag?: string;
}

/** The error for a failed step of opening a queue. */
export function adviseOpen(syscall: string, { errno, queue, flag }: OpenFailure): SystemError {
  const advice = flag === undefined ? adviseBind(errno, queue) : adviseFlag(flag);
  return new SystemError(syscall, advice === undefined ? { errno } : { errno, advice });
}

function adviseFlag(flag: string): string {
  const needs: Readonly<Record<string, string>> = {
    conntrack: "; it needs the module nf_conntrack_netlink (modprobe nf_conntrack_netlink)",
    securityContext: "; it needs a kernel with a security module that labels packets",
  };
  return `this kernel refuses the option ${flag}${needs[flag] ?? ""}`;
}

function adviseBind(errno: number, queue: number | undefined): string | undefined {
  if (errno === ERRNO.EPERM || errno === ERRNO.EBUSY) {
    // Without a number the refused call was not the one that asks for a queue.
    return adviseRefused(refusalOf(queue ?? -1), queue);
  }
  const absent = errno === ERRNO.EPROTONOSUPPORT || errno === ERRNO.EAFNOSUPPORT ||
    (errno === ERRNO.EINVAL && readQueueTable().errno === ERRNO.ENOENT);
  if (absent) {
    return "This kernel has no nfnetlink_queue: load it with modprobe nfnetlink_queue, or use a " +
      "kernel built with CONFIG_NETFILTER_NETLINK_QUEUE";
  }
  if (errno === ERRNO.EMFILE || errno === ERRNO.ENFILE) {
    return "Too many files are open: close some or raise the limit with ulimit -n";
  }
  return undefined;
}

function adviseRefused(refusal: Refusal, queue: number | undefined): string {
  switch (refusal.cause) {
    case "capability":
      return "This process lacks CAP_NET_ADMIN: run it as root, give the capability " +
        "(systemd: AmbientCapabilities=CAP_NET_ADMIN; docker: --cap-add=NET_ADMIN), " +
        "or try it in a private network namespace with unshare -Urn";
    case "owner":
      return `Queue ${queue} is owned by ${describeOwner(refusal.owner.portId)}: a queue has one ` +
        "owner; stop that program or use another queue number";
    case "hidden":
      return `Most likely queue ${queue} has another owner (who it is, this user namespace may not ` +
        "read); or this user namespace does not own the network namespace";
    case "namespace":
      return "CAP_NET_ADMIN is there, but only for a user namespace that does not own this network " +
        "namespace: enter both together with unshare -Urn";
  }
}

/** A socket's port is the process id for the first netlink socket of a process, else random. */
function describeOwner(portId: number): string {
  if (portId === libc().getpid()) {
    return "this very process: by another PacketQueue, or by a worker that was terminated before it " +
      "closed its queue";
  }
  const name = readSystemFile(`/proc/${portId}/comm`).text?.trim();
  return name === undefined
    ? `netlink port ${portId} (another socket of this or another process)`
    : `netlink port ${portId}, which is process ${portId} (${name})`;
}
