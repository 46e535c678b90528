// Packets of this library's own in the chains of nft: no rule queues them, some are rejected, some not tracked.
import {
  OWN_MARKS,
  REJECT_MARKS,
  type RejectedAs,
  UNTRACKED_MARK,
} from "../../linux/raw/own_marks.ts";
import { REJECTING_HOOKS } from "../installed.ts";
import type { NftFamily } from "./lines.ts";
import type { RuleHook } from "../rule/rule.ts";
import type { NftSupport } from "./support.ts";

const hex = (number: number): string => `0x${number.toString(16)}`;
const IS_OWN = `meta mark & ${hex(OWN_MARKS.mask)} == ${hex(OWN_MARKS.value)}`;
/** Packets of our own are queued by nobody. */
export const SKIP_OWN = `${IS_OWN} return`;
/** The chain that rejects what has a mark for that. */
export const REJECT_CHAIN = "reject_marked";
/** Before connection tracking. */
export const NOTRACK_BASE = { hook: "output", priority: -300 } as const;

type Icmp = Exclude<RejectedAs, "tcp-reset">;
const ICMPX: Readonly<Record<Icmp, string>> = {
  "port-unreachable": "port-unreachable",
  "host-unreachable": "host-unreachable",
  "network-unreachable": "no-route",
  "admin-prohibited": "admin-prohibited",
};
/** nft's words by family, as old versions know them. */
const ICMP: Readonly<
  Partial<Record<NftFamily, readonly [string, Readonly<Record<Icmp, string>>]>>
> = {
  inet: ["icmpx", ICMPX],
  ip: ["icmp", { ...ICMPX, "network-unreachable": "net-unreachable" }],
  ip6: ["icmpv6", { ...ICMPX, "host-unreachable": "addr-unreachable" }],
};

/** What answers need in a table, as far as this kernel has it. */
export type AnswerSupport = Pick<NftSupport, "reject" | "notrack">;

/** Lines of the chain that rejects; none where the family or the kernel cannot. */
export function rejectLines(family: NftFamily, { reject }: AnswerSupport): string[] {
  const words = ICMP[family];
  if (words === undefined || !reject) return [];
  const [protocol, names] = words;
  return Object.entries(REJECT_MARKS).map(([reason, mark]) => {
    const answer = reason === "tcp-reset"
      ? "meta l4proto tcp reject with tcp reset"
      : `reject with ${protocol} type ${names[reason as Icmp]}`;
    return `meta mark ${hex(mark)} ${answer}`;
  });
}

/** Whether packets of this family can be left out of connection tracking. */
export function canUntrack(family: NftFamily, { notrack }: AnswerSupport): boolean {
  return notrack && family !== "bridge";
}

/** What stands first in a base chain. */
export function firstLines(
  { hook, priority }: { readonly hook: RuleHook; readonly priority: number },
  family: NftFamily,
  support: AnswerSupport,
): string[] {
  const lines: string[] = [];
  const before = hook === NOTRACK_BASE.hook && priority === NOTRACK_BASE.priority;
  if (before && canUntrack(family, support)) lines.push(`meta mark ${hex(UNTRACKED_MARK)} notrack`);
  if (REJECTING_HOOKS[hook] !== undefined && rejectLines(family, support).length > 0) {
    lines.push(`${IS_OWN} jump ${REJECT_CHAIN}`);
  }
  return [...lines, SKIP_OWN];
}
