/**
 * Turns the errno of opening a queue into a sentence that says what to do.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { ERRNO, failedCall, type SystemError } from "../linux/errno.ts";
import { processOfPort } from "./process_of_port.ts";
import { readQueueTable } from "./queue_table.ts";
import { type Refusal, refusalOf } from "./refusal.ts";

/** What the failed call was about. */
export interface OpenFailure {
  readonly queue?: number;
  readonly flag?: string;
}

/** The error for a failed step of opening a queue. Give it `threadErrno()` itself, as `failedCall`. */
export function adviseOpen(
  syscall: string,
  errno: number,
  { queue, flag }: OpenFailure = {},
): SystemError {
  return failedCall(
    syscall,
    errno,
    flag === undefined ? adviseBind(errno, queue) : adviseFlag(flag),
  );
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
    return adviseRefused(refusalOf(queue ?? -1), queue);
  }
  // Netlink answers EINVAL for a subsystem that nobody has registered.
  const absent = errno === ERRNO.EPROTONOSUPPORT || errno === ERRNO.EAFNOSUPPORT ||
    (errno === ERRNO.EINVAL && queuesAbsent());
  if (absent) {
    return "This kernel has no nfnetlink_queue: load it with modprobe nfnetlink_queue, or use a " +
      "kernel built with CONFIG_NETFILTER_NETLINK_QUEUE";
  }
  return isExhausted(errno) ? EXHAUSTED : undefined;
}

/** What to do where no descriptor is left. */
export const EXHAUSTED = "Too many files are open: close some or raise the limit with ulimit -n";

/** Whether the process or the system has no descriptor left. */
export const isExhausted = (errno: number): boolean =>
  errno === ERRNO.EMFILE || errno === ERRNO.ENFILE;

/** Without /proc it is the likeliest reason all the same. */
function queuesAbsent(): boolean {
  return readQueueTable().errno === ERRNO.ENOENT;
}

function adviseRefused(refusal: Refusal, queue: number | undefined): string | undefined {
  // Without a number the refused call was not the one that asks for a queue.
  if (queue === undefined && refusal.cause !== "capability") return undefined;
  switch (refusal.cause) {
    case "capability":
      return "This process lacks CAP_NET_ADMIN: run it as root, give the capability " +
        "(systemd: AmbientCapabilities=CAP_NET_ADMIN; docker: --cap-add=NET_ADMIN), " +
        "or try it in a private network namespace with unshare -Urn";
    case "owner":
      return `Queue ${queue} is owned by ${describeOwner(refusal)}, or use another queue number`;
    case "hidden":
      return `Most likely queue ${queue} has another owner (who it is, ${
        refusal.mounted ? "this user namespace may not read" : "only /proc could tell"
      }); or this user namespace does not own the network namespace`;
    case "namespace":
      return "CAP_NET_ADMIN is there, but only for a user namespace that does not own this network " +
        "namespace: enter both together with unshare -Urn";
  }
}

/** And what to do about it. */
function describeOwner({ own, owner: { portId } }: Refusal & { readonly cause: "owner" }): string {
  if (own) {
    return `this very process (netlink port ${portId}), ${describeOwn(backend().reloadFlag)}`;
  }
  const found = processOfPort(portId);
  const who = found === undefined
    ? ""
    : `, ${found.certain ? "" : "most likely "}process ${found.id} (${found.name})`;
  return `another process (netlink port ${portId}${who}): a queue has one owner; ` +
    "stop that program";
}

function describeOwn(reloadFlag: string | undefined): string {
  if (reloadFlag !== undefined) {
    return `which was started with ${reloadFlag}: most likely the program still has it that ran ` +
      "before the change. Start it with --watch, or keep the queue in globalThis and close it there " +
      "before you open it anew";
  }
  return "by a PacketQueue that is still open, or by a worker that was terminated before it closed " +
    "its queue, which then stays until the process ends: close the other first";
}
