// Chains and rules out of the kernel's own listing (nfnetlink, NFNL_SUBSYS_NFTABLES): it tells what nft's
// text does not, such as the queue of iptables-nft's rules.
// Source: <linux/netfilter/nf_tables.h>, <linux/netfilter/nf_tables_compat.h>.
import { viewOf } from "../../../base/bytes.ts";
import { inside, readText, readU16, readU32 } from "../../../netlink/attribute_reader.ts";
import {
  NETLINK_HEADER_SIZE,
  type NetlinkAttribute,
  netlinkAttributes,
  type NetlinkMessage,
  NFGENMSG_SIZE,
  NLM_F,
  writeHeader,
} from "../../../netlink/message.ts";
import type { Request } from "../../../rules/nft/messages.ts";
import {
  NFT_MSG,
  NFTA_CHAIN,
  NFTA_EXPR,
  NFTA_QUEUE,
  NFTA_RULE,
  NFTA_TARGET,
  NLM_F_DUMP,
  XT_NFQUEUE,
} from "../../../rules/nft/numbers.ts";
import type { Action, ChainFact, Hook, QueueNumbers, RuleFact } from "./ruleset.ts";
import { xtQueueAction } from "./xt_target.ts";

const HEADERS = NETLINK_HEADER_SIZE + NFGENMSG_SIZE;
const SUBSYSTEM = 10 << 8;

/** What can be listed, and what a listing then is made of. */
export const LIST = { chains: SUBSYSTEM | 4, rules: NFT_MSG.GETRULE } as const;
const LISTED: readonly number[] = [NFT_MSG.NEWCHAIN, NFT_MSG.NEWRULE];

/** NFPROTO_*, as nft calls them. */
const FAMILIES: Readonly<Record<number, string>> = {
  ...{ 1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6" },
};
const HOOKS: readonly Hook[] = ["prerouting", "input", "forward", "output", "postrouting"];
const ARP_HOOKS: readonly Hook[] = ["input", "output"];
const DEVICE_HOOKS: readonly Hook[] = ["ingress", "egress"];

/** More of them than rules of our own need: NFTA_CHAIN_*, NFTA_HOOK_*, NFTA_RULE_*. */
const CHAIN = { ...NFTA_CHAIN, HOOK: 4, POLICY: 5 } as const;
const HOOK = { number: 1, priority: 2 } as const;
const RULE = { ...NFTA_RULE, HANDLE: 3 } as const;
const IMMEDIATE_DATA = 2;
const DATA_VERDICT = 2;
const VERDICT = { code: 1, chain: 2 } as const;
const FLOW_TABLE = 1;
const COUNTER = { bytes: 1, packets: 2 } as const;

/** Expressions that calculate a number: NFTA_HASH_*, NFTA_NG_*. */
const CALCULATIONS: Readonly<
  Record<string, { readonly modulus: number; readonly offset: number }>
> = { hash: { modulus: 4, offset: 6 }, numgen: { modulus: 2, offset: 4 } };

/** Expressions that every packet fits. */
const EVERY_PACKET: ReadonlySet<string> = new Set([
  ...[
    "counter",
    "log",
    "immediate",
    "queue",
    "target",
    "reject",
    "notrack",
    "flow_offload",
    "hash",
    "numgen",
  ],
]);

/** Verdicts as numbers without a sign. */
const VERDICTS: Readonly<Record<number, (chain: string) => Action>> = {
  0: () => ({ kind: "drop" }),
  1: () => ({ kind: "accept" }),
  [-3 >>> 0]: (chain) => ({ kind: "jump", chain }),
  [-4 >>> 0]: (chain) => ({ kind: "goto", chain }),
  [-5 >>> 0]: () => ({ kind: "return" }),
};

/** What a rule does for each expression that does something with the packet. */
const ACTIONS: Readonly<Record<string, (attributes: Attributes) => Action | undefined>> = {
  immediate: (attributes) => {
    const data = attributes.inside(IMMEDIATE_DATA)?.inside(DATA_VERDICT);
    const code = data?.u32(VERDICT.code);
    return code === undefined ? undefined : VERDICTS[code]?.(data?.text(VERDICT.chain) ?? "");
  },
  queue: (attributes) => {
    const from = attributes.u16(NFTA_QUEUE.NUM);
    const total = attributes.u16(NFTA_QUEUE.TOTAL) ?? 1;
    return {
      kind: "queue",
      numbers: from === undefined ? undefined : { from, to: from + Math.max(1, total) - 1 },
      bypass: ((attributes.u16(NFTA_QUEUE.FLAGS) ?? 0) & XT_NFQUEUE.BYPASS) !== 0,
    };
  },
  reject: () => ({ kind: "drop" }),
  flow_offload: (attributes) => ({ kind: "offload", flowtable: attributes.text(FLOW_TABLE) ?? "" }),
  target: (attributes) => {
    const name = attributes.text(NFTA_TARGET.NAME);
    if (name === "DROP" || name === "REJECT") return { kind: "drop" };
    const info = attributes.bytes(NFTA_TARGET.INFO);
    if (name !== XT_NFQUEUE.NAME || info === undefined) return undefined;
    return xtQueueAction(attributes.u32(NFTA_TARGET.REV) ?? 0, viewOf(info));
  },
};

/** The attributes of one message or one nest, by their type. */
class Attributes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #found = new Map<number, NetlinkAttribute>();

  constructor(bytes: Uint8Array, attributes: Iterable<NetlinkAttribute>) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    for (const attribute of attributes) this.#found.set(attribute.type, attribute);
  }

  text(type: number): string | undefined {
    const found = this.#found.get(type);
    return found && readText(this.#bytes, found);
  }

  u16(type: number): number | undefined {
    const found = this.#found.get(type);
    return found && readU16(this.#view, found, "nf_tables");
  }

  u32(type: number): number | undefined {
    const found = this.#found.get(type);
    return found && readU32(this.#view, found, "nf_tables");
  }

  /** The lower half of a number of 64 bits. */
  low(type: number): number {
    const found = this.#found.get(type);
    return found === undefined || found.length < 8 ? 0 : this.#view.getUint32(found.offset + 4);
  }

  /** A number of 64 bits, exact below 2**53. */
  u64(type: number): number {
    const found = this.#found.get(type);
    if (found === undefined || found.length < 8) return 0;
    return this.#view.getUint32(found.offset) * 2 ** 32 + this.#view.getUint32(found.offset + 4);
  }

  bytes(type: number): Uint8Array | undefined {
    const found = this.#found.get(type);
    return found && this.#bytes.subarray(found.offset, found.offset + found.length);
  }

  inside(type: number): Attributes | undefined {
    const found = this.#found.get(type);
    return found && new Attributes(this.#bytes, inside(this.#view, found, "nf_tables"));
  }

  *list(type: number): Generator<Attributes, void, undefined> {
    const found = this.#found.get(type);
    if (found === undefined) return;
    for (const element of inside(this.#view, found, "nf_tables")) {
      yield new Attributes(this.#bytes, inside(this.#view, element, "nf_tables"));
    }
  }
}

/** The request for a listing of all families. */
export function listRequest(type: number): Request {
  return (sequence) => {
    const bytes = new Uint8Array(new ArrayBuffer(HEADERS));
    writeHeader(viewOf(bytes), 0, HEADERS, type, NLM_F.REQUEST | NLM_F_DUMP, sequence);
    return bytes;
  };
}

/** A copy of one message of a listing; undefined for another message. */
export function messageBytes(
  { buffer, byteOffset }: DataView,
  { type, offset, length }: NetlinkMessage,
): Uint8Array | undefined {
  if (!LISTED.includes(type)) return undefined;
  return new Uint8Array(buffer, byteOffset + offset, length).slice();
}

/**
 * Puts the two listings together.
 *
 * @throws {WireError} where a message is not what it should be
 */
export function chainsOf(
  chains: readonly Uint8Array[],
  rules: readonly Uint8Array[],
): readonly ChainFact[] {
  const byChain = Map.groupBy(rules.map(ruleOf), ({ key }) => key);
  return chains.map((message) => {
    const { family, attributes } = open(message);
    const table = attributes.text(CHAIN.TABLE) ?? "";
    const name = attributes.text(CHAIN.NAME) ?? "";
    const base = baseOf(family, attributes);
    return {
      program: "nft",
      ...{ family, table, name },
      ...(base === undefined ? {} : { base }),
      rules: (byChain.get(keyOf(family, table, name)) ?? []).map(({ rule }) => rule),
    };
  });
}

function open(message: Uint8Array): { readonly family: string; readonly attributes: Attributes } {
  const view = viewOf(message);
  const number = view.getUint8(NETLINK_HEADER_SIZE);
  return {
    family: FAMILIES[number] ?? `family ${number}`,
    attributes: new Attributes(message, netlinkAttributes(view, HEADERS, message.length)),
  };
}

/** Names may hold no NUL. */
const keyOf = (...names: readonly string[]): string => names.join("\0");

function baseOf(family: string, attributes: Attributes): ChainFact["base"] {
  const hook = attributes.inside(CHAIN.HOOK);
  if (hook === undefined) return undefined;
  const number = hook.u32(HOOK.number) ?? 0;
  const own = family === "arp" ? ARP_HOOKS : family === "netdev" ? DEVICE_HOOKS : HOOKS;
  return {
    hook: own[number] ?? "ingress",
    priority: (hook.u32(HOOK.priority) ?? 0) | 0,
    policy: attributes.u32(CHAIN.POLICY) === 0 ? "drop" : "accept",
  };
}

function ruleOf(message: Uint8Array): { readonly key: string; readonly rule: RuleFact } {
  const { family, attributes } = open(message);
  const key = keyOf(
    family,
    attributes.text(RULE.TABLE) ?? "",
    attributes.text(RULE.CHAIN) ?? "",
  );
  let conditional = false;
  let action: Action = { kind: "other" };
  let count: RuleFact["count"];
  let calculated: QueueNumbers | undefined;
  for (const expression of attributes.list(RULE.EXPRESSIONS)) {
    const name = expression.text(NFTA_EXPR.NAME) ?? "";
    const data = expression.inside(NFTA_EXPR.DATA);
    if (!EVERY_PACKET.has(name)) conditional = true;
    if (data === undefined) continue;
    if (name === "counter") {
      count = { packets: data.u64(COUNTER.packets), bytes: data.u64(COUNTER.bytes) };
    }
    calculated = calculation(name, data) ?? calculated;
    // An immediate may also only load a number.
    action = ACTIONS[name]?.(data) ?? action;
  }
  // `queue to symhash mod 4 offset 3`
  if (action.kind === "queue") action = { ...action, numbers: action.numbers ?? calculated };
  const place = `handle ${attributes.low(RULE.HANDLE)}`;
  return { key, rule: { place, conditional, action, ...(count === undefined ? {} : { count }) } };
}

function calculation(name: string, attributes: Attributes): QueueNumbers | undefined {
  const places = CALCULATIONS[name];
  const modulus = places && attributes.u32(places.modulus);
  if (modulus === undefined) return undefined;
  const from = attributes.u32(places!.offset) ?? 0;
  return { from, to: from + modulus - 1 };
}
