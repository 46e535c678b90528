// Reads what iptables-save(8) says of chains that are ours.
import type { RuleCount } from "../installed.ts";

/** A table that iptables-save told of. */
export interface SavedTable {
  readonly table: string;
  /** Chains of ours. */
  readonly chains: readonly string[];
  /** Jumps of ours out of built-in chains: the chain, and where it jumps to. */
  readonly jumps: readonly { readonly chain: string; readonly to: string }[];
  /** Packets and bytes that each chain sent to a queue. */
  readonly counts: ReadonlyMap<string, RuleCount>;
}

const BUILT_IN = "PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING";
/** Only jumps that were put in just so: others are somebody else's. */
const JUMP = new RegExp(`^\\[\\d+:\\d+\\] -A (${BUILT_IN}) -j (\\S+)$`);
const QUEUED = /^\[(\d+):(\d+)\] -A (\S+) .*-j NFQUEUE /;

/** @param isOurs tells by its name whether a chain is one that is asked for */
export function readSaved(
  text: string,
  isOurs: (chain: string) => boolean,
): readonly SavedTable[] {
  const parts = text.split(/^\*/m).slice(1);
  return parts.map((part) => {
    const [table = "", ...lines] = part.split("\n");
    const chains: string[] = [];
    const jumps: { chain: string; to: string }[] = [];
    const counts = new Map<string, { packets: number; bytes: number }>();
    for (const line of lines) {
      const [, named = ""] = /^:(\S+) - /.exec(line) ?? [];
      if (named !== "" && isOurs(named)) chains.push(named);
      const [, chain = "", to = ""] = JUMP.exec(line) ?? [];
      if (to !== "" && isOurs(to)) jumps.push({ chain, to });
      const [, packets = 0, bytes = 0, queueing = ""] = QUEUED.exec(line) ?? [];
      if (queueing === "" || !isOurs(queueing)) continue;
      const sum = counts.get(queueing) ?? { packets: 0, bytes: 0 };
      counts.set(queueing, {
        packets: sum.packets + Number(packets),
        bytes: sum.bytes + Number(bytes),
      });
    }
    return { table: table.trim(), chains, jumps, counts };
  });
}

/** The lines that delete chains without rules. */
export function deleteLines(chains: readonly string[]): string[] {
  return chains.map((chain) => `-X ${chain}`);
}

/** The lines that take the jumps out, and those that delete the chains. */
export function takeAwayLines(
  { jumps, chains }: SavedTable,
  { keepChains }: { readonly keepChains: boolean },
): string[] {
  return [
    ...jumps.map(({ chain, to }) => `-D ${chain} -j ${to}`),
    ...(keepChains ? [] : [...chains.map((chain) => `-F ${chain}`), ...deleteLines(chains)]),
  ];
}
