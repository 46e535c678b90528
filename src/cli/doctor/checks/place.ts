// Where this process runs, and its limits.
import type { Facts } from "../terms/facts.ts";
import { type Finding, note, warning } from "../terms/finding.ts";

/** A queue and its rules take about ten, the runtime some more. */
const LEAST_FILES = 64;

export function checkPlace({ process, queues }: Facts): readonly Finding[] {
  const { openFiles, seccomp, container, userNamespace, kernel } = process;
  const found: Finding[] = [];
  if (openFiles !== undefined && openFiles < LEAST_FILES) {
    const message = `This process may have only ${openFiles} files open.`;
    found.push(warning("few-descriptors", message, "Raise the limit: ulimit -n 1024."));
  }
  if (container !== undefined) {
    const message = `This runs in a container (${container}): rules and queues are those of its ` +
      "network namespace.";
    const advice =
      "For packets of the host start it with the host's network (docker: --network=host).";
    found.push(note("container", message, advice));
  }
  if (userNamespace) {
    const message =
      "This is a user namespace: its capabilities count only for network namespaces that " +
      "it owns.";
    found.push(note("user-namespace", message));
  }
  if (seccomp) {
    const message = "A seccomp filter is on. It may refuse system calls that queues need.";
    found.push(
      note("seccomp", message, "Where opening fails: docker's --security-opt seccomp=unconfined."),
    );
  }
  if (/microsoft/i.test(kernel)) {
    const message =
      "This is the Windows Subsystem for Linux: queues see the packets of Linux only.";
    found.push(note("wsl", message, "Packets of Windows programs never come here."));
  }
  if (GVISOR.test(kernel)) {
    const message = "This looks like gVisor, whose network has no packet queues.";
    found.push(warning("gvisor", message, "Run it on a Linux kernel."));
  }
  if (!queues.mounted || queues.errno === EACCES) {
    const message = queues.mounted
      ? "/proc/net/netfilter may not be read here, so nobody can tell who owns a queue, or how full it is."
      : "There is no /proc here, so nobody can tell who owns a queue, or how full it is.";
    const advice = queues.mounted
      ? "It takes root, or CAP_DAC_READ_SEARCH. In a namespace that was entered with unshare -Urn it " +
        "belongs to nobody: make the two one after the other, with unshare -Ur unshare -n."
      : "Mount it: mount -t proc proc /proc.";
    found.push(warning("proc-hidden", message, advice));
  }
  return found;
}

const EACCES = 13;
/** The date that every gVisor kernel was "built" at. */
const GVISOR = /Sun Jan 10 15:06:54 PST 2016|gvisor/i;
