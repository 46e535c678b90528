// What the kernel answered when a queue was bound.
import { ERRNO, SystemError } from "../../../linux/errno.ts";
import type { QueueFlags } from "../../../nfqueue/flags.ts";
import type { Facts } from "../terms/facts.ts";
import { error, type Finding, note, ok } from "../terms/finding.ts";

const LOAD = "Load it: modprobe nfnetlink_queue. Or use a kernel that is built with " +
  "CONFIG_NETFILTER_NETLINK_QUEUE.";

/** What a kernel without a switch cannot do. */
const SWITCHES: Readonly<Record<keyof QueueFlags, (...words: []) => Finding>> = {
  gso: () =>
    error(
      "no-gso",
      "This kernel does not take the option gso, which is on by default.",
      "Open queues with gso: false, or use Linux 3.10 or later.",
    ),
  failOpen: () =>
    note(
      "no-fail-open",
      "This kernel does not take the option failOpen.",
      "Use Linux 3.6 or later.",
    ),
  uidGid: () =>
    note("no-uid-gid", "This kernel does not take the option uidGid.", "Use Linux 3.15 or later."),
  conntrack: () =>
    note(
      "no-conntrack",
      "This kernel does not take the option conntrack.",
      "Load the module: modprobe nf_conntrack_netlink.",
    ),
  securityContext: () =>
    note(
      "no-security-context",
      "This kernel does not take the option securityContext.",
      "It needs a kernel with a security module that labels packets.",
    ),
};

export function checkQueueSupport({ process, queueSupport }: Facts): readonly Finding[] {
  const { bind, flags } = queueSupport;
  if (bind === 0) return [ok("kernel-queue", "The kernel has packet queues."), ...switches(flags)];
  // That is said by the capability.
  if (bind === ERRNO.EPERM || process.netAdmin === false) return [];
  // EINVAL: netlink's answer for a subsystem that nobody has registered.
  const absent = [ERRNO.EINVAL, ERRNO.EPROTONOSUPPORT, ERRNO.EAFNOSUPPORT].some((errno) =>
    errno === bind
  );
  if (absent) return [error("kernel-without-queues", "This kernel has no nfnetlink_queue.", LOAD)];
  const { message } = new SystemError("NFQNL_CFG_CMD_BIND", { errno: bind });
  return [error("queue-refused", `The kernel refused a queue: ${message}.`, LOAD)];
}

function switches(flags: Facts["queueSupport"]["flags"]): readonly Finding[] {
  const names = Object.keys(SWITCHES) as (keyof QueueFlags)[];
  const taken = names.filter((name) => flags[name] === 0);
  return [
    ok("kernel-options", `Options that the kernel takes: ${taken.join(", ") || "none"}.`),
    ...names.filter((name) => !taken.includes(name)).map((name) => SWITCHES[name]()),
  ];
}
