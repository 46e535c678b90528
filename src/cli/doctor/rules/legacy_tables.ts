// Tables of iptables-legacy and ip6tables-legacy, as getsockopt(2) gives them: neither the program nor
// any permission but the capability is needed. Source: <linux/netfilter_ipv4/ip_tables.h>,
// <linux/netfilter_ipv6/ip6_tables.h>, <linux/netfilter/x_tables.h>. Numbers are in host order.
import { textOf } from "../../../../ffi/memory.ts";
import { viewOf } from "../../../base/bytes.ts";
import { XT_NFQUEUE } from "../../../rules/nft/numbers.ts";
import { xtQueueAction } from "./xt_target.ts";
import type { Action, ChainFact, Hook, RuleFact } from "./ruleset.ts";

/** struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size. */
export const INFO = { length: 84, valid: 32, starts: 36, ends: 56, size: 80 } as const;
/** struct ipt_get_entries: name[32], size, then the entries, at a multiple of 8. */
export const ENTRIES = { size: 32, begin: 40 } as const;
const HOOKS: readonly Hook[] = ["prerouting", "input", "forward", "output", "postrouting"];
/** NF_IP_PRI_*, as the tables have them; DNAT comes earlier than SNAT. */
const PRIORITIES: Readonly<Record<string, number>> = {
  ...{ raw: -300, mangle: -150, filter: 0, security: 50 },
};
const NAT_PRIORITIES: Readonly<Record<string, number>> = {
  ...{ prerouting: -100, output: -100, input: 100, postrouting: 100 },
};

/** struct ipt_entry and struct ip6t_entry: where things are, after the match of addresses. */
export const LAYOUTS = {
  ip: { family: "ip", match: 84, target: 88, next: 90, matches: 112 },
  ip6: { family: "ip6", match: 136, target: 140, next: 142, matches: 168 },
} as const;

/** struct xt_counters, before the matches. */
const COUNTERS = 16;

/** What the last entry of a table calls itself. */
const END = "ERROR";
/** struct xt_entry_target: size, name[29], revision, then its own bytes. */
const TARGET = { name: 2, nameLength: 29, revision: 31, info: 32 } as const;
/** Verdicts of the target without a name; others are −NF_ACCEPT − 1 and so on, or a place to jump to. */
const STANDARD: Readonly<Record<number, Action>> = {
  [-1]: { kind: "drop" },
  [-2]: { kind: "accept" },
  [-5]: { kind: "return" },
};

/** One table in bytes. */
export interface LegacyTable {
  readonly layout: keyof typeof LAYOUTS;
  readonly name: string;
  readonly info: Uint8Array;
  readonly entries: Uint8Array;
}

interface Entry {
  readonly at: number;
  readonly conditional: boolean;
  /** The place of a jump's target; negative for what is no jump. */
  readonly jump: number;
  /** The name of the chain that begins behind it. */
  readonly heading: string | undefined;
  readonly action: Action;
  readonly count: NonNullable<RuleFact["count"]>;
}

/** A chain whose end is not known yet. */
interface OpenChain {
  readonly name: string;
  readonly hook?: Hook;
  readonly entries: Entry[];
}

/**
 * The chains of a table.
 *
 * @throws {RangeError} where an entry does not fit
 */
export function legacyChains({ layout, name: table, info, entries }: LegacyTable): ChainFact[] {
  const view = viewOf(info);
  const valid = view.getUint32(INFO.valid, true);
  const hooks = new Map<number, Hook>();
  for (const [index, hook] of HOOKS.entries()) {
    if ((valid >> index & 1) === 1) hooks.set(view.getUint32(INFO.starts + 4 * index, true), hook);
  }
  const open: OpenChain[] = [];
  for (const entry of readEntries(entries, LAYOUTS[layout])) {
    const hook = hooks.get(entry.at);
    if (hook !== undefined) open.push({ name: hook.toUpperCase(), hook, entries: [] });
    if (entry.heading === undefined) open.at(-1)?.entries.push(entry);
    else if (entry.heading !== END) open.push({ name: entry.heading, entries: [] });
  }
  return open.map((chain) => ({
    program: "iptables",
    ...{ family: LAYOUTS[layout].family, table, name: chain.name },
    ...baseOf(chain, table),
    // What stands last is the policy, or the return of a chain of a user's own.
    rules: chain.entries.slice(0, -1).map((
      { conditional, action, jump, count },
      index,
    ): RuleFact => ({
      place: `rule ${index + 1}`,
      conditional,
      action: jump < 0 ? action : { kind: "jump", chain: nameAt(open, jump) },
      count,
    })),
  }));
}

function nameAt(chains: readonly OpenChain[], place: number): string {
  return chains.find(({ entries }) => entries[0]?.at === place)?.name ?? "";
}

function baseOf({ hook, entries }: OpenChain, table: string): Pick<ChainFact, "base"> {
  if (hook === undefined) return {};
  const policy = entries.at(-1)?.action.kind === "drop" ? "drop" : "accept";
  return { base: { hook, priority: PRIORITIES[table] ?? NAT_PRIORITIES[hook] ?? 0, policy } };
}

function* readEntries(
  bytes: Uint8Array,
  { match, target, next, matches }: (typeof LAYOUTS)[keyof typeof LAYOUTS],
): Generator<Entry, void, undefined> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint16(at + next, true);
    if (length < matches) throw new RangeError(`an entry of ${length} bytes at ${at}`);
    const targetAt = at + view.getUint16(at + target, true);
    const end = at + length;
    const begin = targetAt + TARGET.name;
    const name = textOf(bytes.subarray(begin, begin + TARGET.nameLength));
    const infoAt = targetAt + TARGET.info;
    const own = bytes.subarray(infoAt, end);
    const matched = bytes.subarray(at, at + match).some((byte) => byte !== 0);
    const verdict = name === "" ? view.getInt32(infoAt, true) : -1;
    yield {
      at,
      conditional: matched || targetAt > at + matches,
      jump: verdict,
      heading: name === "ERROR" ? textOf(own) : undefined,
      count: {
        packets: Number(view.getBigUint64(at + matches - COUNTERS, true)),
        bytes: Number(view.getBigUint64(at + matches - COUNTERS + 8, true)),
      },
      action: actionOf(name, { revision: view.getUint8(targetAt + TARGET.revision), own, verdict }),
    };
    at = end;
  }
}

function actionOf(
  target: string,
  { revision, own, verdict }: {
    readonly revision: number;
    readonly own: Uint8Array;
    readonly verdict: number;
  },
): Action {
  const other: Action = { kind: "other" };
  if (target === "") return STANDARD[verdict] ?? other;
  if (target === "REJECT" || target === "DROP") return { kind: "drop" };
  if (target === XT_NFQUEUE.NAME) return xtQueueAction(revision, viewOf(own)) ?? other;
  return other;
}
