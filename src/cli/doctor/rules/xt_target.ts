// The target NFQUEUE of x_tables. Source: <linux/netfilter/xt_NFQUEUE.h>. Numbers are in host order.
import { XT_NFQUEUE } from "../../../rules/nft/numbers.ts";
import type { Action } from "./ruleset.ts";

/** Where each number is, and the revision of the target that has it first. */
const FIELD = { number: 0, total: 2, flags: 4 } as const;
const SINCE = { total: 1, flags: 2 } as const;
/**
 * @param info the target's own bytes
 * @returns undefined where they are too few
 */
export function xtQueueAction(revision: number, info: DataView): Action | undefined {
  const at = (field: number, since: number) =>
    revision >= since && info.byteLength >= field + 2 ? info.getUint16(field, true) : 0;
  if (info.byteLength < 2) return undefined;
  const from = at(FIELD.number, 0);
  const total = Math.max(1, at(FIELD.total, SINCE.total));
  return {
    kind: "queue",
    numbers: { from, to: from + total - 1 },
    // Revision 2 has a number for it, revision 3 a bit.
    bypass: (at(FIELD.flags, SINCE.flags) & XT_NFQUEUE.BYPASS) !== 0,
  };
}
