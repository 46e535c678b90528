// Whether this process may have a queue.
import { ERRNO } from "../../../linux/errno.ts";
import type { Facts } from "../terms/facts.ts";
import { error, type Finding, note, ok } from "../terms/finding.ts";

const HOW =
  "Run it as root (sudo), give the runtime the capability (setcap cap_net_admin,cap_net_raw=ep " +
  "FILE; systemd: AmbientCapabilities=CAP_NET_ADMIN; docker: --cap-add=NET_ADMIN), or try it in a " +
  "private network namespace: unshare -Urn.";

export function checkCapability({ process, queueSupport }: Facts): readonly Finding[] {
  if (process.netAdmin === false) {
    return [
      error("no-capability", "This process lacks CAP_NET_ADMIN, so it can have no queue.", HOW),
    ];
  }
  if (queueSupport.bind === ERRNO.EPERM) {
    const message =
      "CAP_NET_ADMIN is there, but only for a user namespace that does not own this " +
      "network namespace.";
    const advice = "Enter both together: unshare -Urn. Or run it outside of the user namespace.";
    return [error("capability-elsewhere", message, advice)];
  }
  const found = [ok("capability", "This process has CAP_NET_ADMIN.")];
  if (process.netRaw !== false) return found;
  const message = "This process lacks CAP_NET_RAW, so it can send no packets of its own.";
  return [
    ...found,
    note("no-raw-capability", message, "Give it both capabilities, or run it as root."),
  ];
}
