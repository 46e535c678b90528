// Rules in nft's words (nft(8)). All that comes from outside was checked, and is written anew.
import type { Range } from "../rule/rule.ts";
import { type Addresses, addressText } from "../rule/addresses.ts";
import { combinations } from "../rule/alternatives.ts";
import { type CheckedFields, type CheckedRule, userNumberOf } from "../rule/checked_rule.ts";
import { type Protocol, WITH_PORTS } from "../rule/protocols.ts";

/** Which packets a table of nft sees. */
export type NftFamily = "inet" | "ip" | "ip6" | "bridge";

const VERSIONS: Readonly<Record<NftFamily, readonly (4 | 6)[]>> = {
  ...{ inet: [4, 6], ip: [4], ip6: [6], bridge: [4, 6] },
};
const ALL_PORTS: readonly Protocol[] = Object.values(WITH_PORTS)
  .map((number) => ({ ipv4: number, ipv6: number }));

/** One value as it is, several as a set. */
function set(values: readonly string[]): string {
  const different = [...new Set(values)];
  return different.length === 1 ? different[0]! : `{ ${different.join(", ")} }`;
}

function protocols(list: readonly Protocol[], family: NftFamily): string {
  const numbers = list.flatMap(({ ipv4, ipv6 }) =>
    VERSIONS[family].map((version) => version === 4 ? ipv4 : ipv6)
  );
  return `meta l4proto ${set(numbers.map(String))}`;
}

const rangeText = ({ from, to }: Range<number>): string =>
  from === to ? `${from}` : `${from}-${to}`;

function addresses(
  side: "saddr" | "daddr",
  list: readonly Addresses[],
  family: NftFamily,
): string[] {
  return VERSIONS[family].flatMap((version) => {
    const texts = list.filter((entry) => entry.version === version).map(addressText);
    return texts.length === 0 ? [] : [`${version === 4 ? "ip" : "ip6"} ${side} ${set(texts)}`];
  });
}

/** A name with * is a pattern: outside of sets, which older versions do not take it in. */
function devices(side: "iifname" | "oifname", names: readonly string[]): string[] {
  const patterns = names.filter((name) => name.endsWith("*"));
  const plain = names.filter((name) => !name.endsWith("*")).map((name) => `"${name}"`);
  const sets = plain.length === 0 ? [] : [`${side} ${set(plain)}`];
  return [...sets, ...patterns.map((name) => `${side} "${name}"`)];
}

function marks(list: readonly { readonly value: number; readonly mask: number }[]): string[] {
  const hex = (number: number) => `0x${number.toString(16)}`;
  const whole = list.filter(({ mask }) => mask === 0xffffffff).map(({ value }) => hex(value));
  const parts = list.filter(({ mask }) => mask !== 0xffffffff);
  const sets = whole.length === 0 ? [] : [`meta mark ${set(whole)}`];
  return [...sets, ...parts.map(({ value, mask }) => `meta mark & ${hex(mask)} == ${hex(value)}`)];
}

/**
 * The alternatives of each field: one of every list must fit. A field that nothing of this family can
 * fit has none.
 */
function alternatives(
  fields: CheckedFields,
  family: NftFamily,
  users: ReadonlyMap<string, number>,
): string[][] {
  const { protocol, source, destination, sourcePort, destinationPort } = fields;
  const { inDevice, outDevice, state, mark, user } = fields;
  const ported = sourcePort !== undefined || destinationPort !== undefined;
  const known = protocol ?? (ported ? ALL_PORTS : undefined);
  const lists: string[][] = [];
  if (inDevice) lists.push(devices("iifname", inDevice));
  if (outDevice) lists.push(devices("oifname", outDevice));
  if (known) lists.push([protocols(known, family)]);
  if (source) lists.push(addresses("saddr", source, family));
  if (destination) lists.push(addresses("daddr", destination, family));
  if (sourcePort) lists.push([`th sport ${set(sourcePort.map(rangeText))}`]);
  if (destinationPort) lists.push([`th dport ${set(destinationPort.map(rangeText))}`]);
  if (state) lists.push([`ct state ${[...new Set(state)].join(",")}`]);
  if (mark) lists.push(marks(mark));
  if (user) {
    lists.push([`meta skuid ${set(user.map((one) => `${userNumberOf(one, users)}`))}`]);
  }
  return lists;
}

/** Two addresses of different versions never fit together. */
function fits(words: readonly string[]): boolean {
  return !(words.some((word) => word.startsWith("ip ")) &&
    words.some((word) => word.startsWith("ip6 ")));
}

/** The statement that sends a packet to its queue. */
export function queueStatement({ queue, balance, bypass }: CheckedRule): string {
  const { from, to } = queue ?? { from: 0, to: 0 };
  const flags = bypass ? ["bypass"] : [];
  if (from === to) return ["queue num", `${from}`, ...flags].join(" ");
  if (balance === "flow") {
    const words = bypass ? "queue flags bypass to" : "queue to";
    return `${words} symhash mod ${to - from + 1} offset ${from}`;
  }
  // In this order both old and new versions understand it.
  if (balance === "cpu") flags.unshift("fanout");
  return [`queue num ${from}-${to}`, ...flags].join(" ");
}

/**
 * A rule as lines of a chain of its own: packets that must not fit return, what fits is queued.
 *
 * @param users numbers of the users that are named
 * @param where the rule, for errors: `rules[1].`
 * @param action what is done with a packet that fits; the queue statement by default
 */
export function nftLines(
  rule: CheckedRule,
  family: NftFamily,
  { users = new Map(), action = queueStatement(rule), where = "" }: {
    readonly users?: ReadonlyMap<string, number>;
    readonly where?: string;
    readonly action?: string;
  } = {},
): string[] {
  const { fields, not, firstPackets, expression } = rule;
  const returns = Object.entries(not).flatMap(([name, values]) =>
    combinations(alternatives({ [name]: values }, family, users), where).filter(fits)
      .map((words) => [...words, "return"].join(" "))
  );
  const last: string[] = [];
  // "<=" would also catch all packets of connections that are older than their counting.
  if (firstPackets !== undefined) last.push(`ct packets 1-${firstPackets}`);
  if (expression !== undefined) last.push(expression);
  const queued = combinations(alternatives(fields, family, users), where).filter(fits)
    .map((words) => [...words, ...last, "counter", action].join(" "));
  return [...returns, ...queued];
}
