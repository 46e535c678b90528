/**
 * What the kernel answers to verdicts: nothing, or why it does not take one.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../ffi/errno.ts";
import type { NetlinkAnswer } from "../wire/netlink.ts";
import type { Counters, VerdictKind } from "./counters.ts";
import { VerdictErrorEvent } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import { readTag } from "./sent_log.ts";

const ADVICE: Readonly<Record<number, string>> = {
  [ERRNO.ENOENT]:
    "The kernel had already let the packet go: an interface went down, or a chain was " +
    "removed",
  [ERRNO.EPERM]:
    "This process has lost CAP_NET_ADMIN: the kernel keeps the packets until the queue " +
    "is closed",
};

/** What refusals change. */
export interface RefusalLink {
  readonly counters: Counters;
  readonly outbox: Outbox;
  readonly report: (event: VerdictErrorEvent) => void;
}

/**
 * Takes back what was counted when a refused verdict was given. A packet that is gone counts as flushed
 * by the kernel; one that the kernel still has is outstanding again.
 */
export function takeRefusal(
  { counters, outbox, report }: RefusalLink,
  { error, originalSequence, originalPortId }: NetlinkAnswer,
): void {
  const { kind, packets } = readTag(originalPortId);
  // Without the capability the kernel does not look into the datagram, and answers to its first message.
  const whole = error === ERRNO.EPERM ? outbox.sent.find(originalSequence) : undefined;
  let refused = packets;
  if (whole === undefined) counters.countVerdicts(kind, -packets);
  else {
    refused = 0;
    whole.forEach((count, kind) => {
      counters.countVerdicts(kind as VerdictKind, -count);
      refused += count;
    });
  }
  counters.verdictErrors += refused;
  if (error === ERRNO.ENOENT) {
    counters.flushedByKernel += refused;
    outbox.beCareful();
  }
  const advice = ADVICE[error];
  const failure = new SystemError("verdict", {
    errno: error,
    ...(advice !== undefined && { advice }),
  });
  report(new VerdictErrorEvent(originalSequence, { error: failure, packets: refused }));
}
