// Whether the receive buffer is as large as it is asked for.
import type { Facts } from "../terms/facts.ts";
import { count, type Finding, ok, warning } from "../terms/finding.ts";

/** The kernel's default length of a queue. */
const MAX_LENGTH = 1024;

export function checkReceiveBuffer({ process, queueSupport }: Facts): readonly Finding[] {
  if (queueSupport.receiveBuffer === undefined) return [];
  const { wanted, got, most } = queueSupport.receiveBuffer;
  const kibibytes = (bytes: number) => `${(bytes >> 10).toLocaleString("en-US")} KiB`;
  if (got >= wanted) {
    return [
      ok("receive-buffer", `A queue's socket gets the ${kibibytes(wanted)} that it asks for.`),
    ];
  }
  const why = most === undefined ? "" : ` (net.core.rmem_max is ${most})`;
  const message =
    `A queue's socket gets ${kibibytes(got)} of the ${kibibytes(wanted)} that it asks for` +
    `${why}: room for about ${
      count(roomFor(got), "packet")
    } of full size, where ${MAX_LENGTH} may wait. ` +
    "More that come at once are lost.";
  const larger = `Raise the limit (sysctl -w net.core.rmem_max=${wanted})`;
  const advice = process.userNamespace
    ? `${larger} outside of this user namespace, or use a smaller copyRange.`
    : `${larger}, give the process CAP_NET_ADMIN, or use a smaller copyRange.`;
  return [warning("receive-buffer-small", message, advice)];
}

/** What the kernel counts for one packet of 1,500 bytes. */
const FULL_SIZE = 2304;

/** It counts against twice the size that is asked for. */
const roomFor = (bytes: number): number => Math.floor(2 * bytes / FULL_SIZE);
