/**
 * Answers that name no process.
 *
 * @module
 */

import type { LocalSocket, PacketProcesses, Unseen, UnseenReason } from "./result.ts";

const MESSAGES: Readonly<Record<UnseenReason, string>> = {
  hook:
    "only packets of IPv4 and IPv6 in the hooks input and output have a local socket that can be told",
  "no-ports": "the packet shows no ports: it is a later fragment, or not enough of it was captured",
  "no-socket":
    "no socket has these ends: the kernel itself sends or takes the packet, or the socket is gone",
  closed: "the socket is closed, and belongs to no process any more",
  hidden:
    "no process that /proc shows has the socket: it is the kernel's own, is being passed, or belongs " +
    "to a process of another namespace",
  system: "it needs Linux, with inet_diag and /proc",
};

/** An answer without processes. */
export function unseen(
  reason: UnseenReason,
  sockets: readonly LocalSocket[] = [],
  hidden: number = 0,
): PacketProcesses {
  return answer(explain(reason, hidden), sockets, hidden);
}

/** The same where the system failed. */
export function unseenSystem(error: unknown): PacketProcesses {
  const cause = error instanceof Error ? error.message : String(error);
  const message = `${MESSAGES.system}: ${cause}`;
  return answer({ reason: "system", capability: undefined, message }, [], 0);
}

function explain(reason: UnseenReason, hidden: number): Unseen {
  if (reason !== "hidden" || hidden === 0) {
    return { reason, capability: undefined, message: MESSAGES[reason] };
  }
  const message =
    `the descriptors of ${hidden} processes may not be looked at: with CAP_SYS_PTRACE they ` +
    "may (systemd: AmbientCapabilities=CAP_SYS_PTRACE; docker: --cap-add=SYS_PTRACE)";
  return { reason, capability: "CAP_SYS_PTRACE", message };
}

function answer(
  why: Unseen,
  sockets: readonly LocalSocket[],
  hidden: number,
): PacketProcesses {
  return Object.freeze({
    processes: Object.freeze([]),
    user: sockets[0]?.user,
    sockets: Object.freeze([...sockets]),
    unseen: Object.freeze(why),
    hiddenProcesses: hidden,
  });
}
