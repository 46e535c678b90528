// Rules in the words of iptables-restore(8): one line of arguments a rule, nothing from outside in it that
// was not checked and written anew.
import { type Addresses, addressText } from "../rule/addresses.ts";
import { combinations } from "../rule/alternatives.ts";
import { type CheckedFields, type CheckedRule, userNumberOf } from "../rule/checked_rule.ts";
import { type Protocol, WITH_PORTS } from "../rule/protocols.ts";
import type { Range } from "../rule/rule.ts";

/** `-m multiport` takes so many ports; a range counts as two. */
const MOST_PORTS = 15;
const ALL_PORTS: readonly Protocol[] = Object.values(WITH_PORTS)
  .map((number) => ({ ipv4: number, ipv6: number }));

/** @throws {RangeError} naming the field that only nft can express */
export function checkForIptables(rule: CheckedRule, where: string = ""): void {
  const refuse = (field: string, why: string) => {
    throw new RangeError(`${where}${field}: iptables cannot ${why}; nft can (libnftables)`);
  };
  if (rule.expression !== undefined) refuse("expression", "read nft's words");
  if (rule.family === "bridge") refuse("family", "see what a bridge forwards");
  const queues = rule.queue;
  if (rule.balance === "flow" && queues !== undefined && queues.from !== queues.to) {
    refuse("balance", 'share queues by "flow"');
  }
}

function addresses(side: "src" | "dst", list: readonly Addresses[], version: 4 | 6): string[] {
  return list.filter((entry) => entry.version === version).map((entry) =>
    entry.to === undefined
      ? `-${side === "src" ? "s" : "d"} ${addressText(entry)}`
      : `-m iprange --${side}-range ${addressText(entry)}`
  );
}

/** Ports in groups that one rule can hold. */
function ports(side: "sports" | "dports", list: readonly Range<number>[]): string[] {
  const groups: string[][] = [];
  let room = 0;
  for (const { from, to } of list) {
    const size = from === to ? 1 : 2;
    if (room < size) {
      groups.push([]);
      room = MOST_PORTS;
    }
    groups.at(-1)!.push(from === to ? `${from}` : `${from}:${to}`);
    room -= size;
  }
  return groups.map((group) => `-m multiport --${side} ${group.join(",")}`);
}

function devices(flag: "-i" | "-o", names: readonly string[]): string[] {
  return names.map((name) => `${flag} ${name.replace(/\*$/, "+")}`);
}

function alternatives(
  fields: CheckedFields,
  version: 4 | 6,
  users: ReadonlyMap<string, number>,
): string[][] {
  const { protocol, source, destination, sourcePort, destinationPort } = fields;
  const { inDevice, outDevice, state, mark, user } = fields;
  const ported = sourcePort !== undefined || destinationPort !== undefined;
  const known = protocol ?? (ported ? ALL_PORTS : undefined);
  const lists: string[][] = [];
  if (inDevice) lists.push(devices("-i", inDevice));
  if (outDevice) lists.push(devices("-o", outDevice));
  if (known) {
    const numbers = known.map(({ ipv4, ipv6 }) => version === 4 ? ipv4 : ipv6);
    lists.push([...new Set(numbers)].map((number) => `-p ${number}`));
  }
  if (source) lists.push(addresses("src", source, version));
  if (destination) lists.push(addresses("dst", destination, version));
  if (sourcePort) lists.push(ports("sports", sourcePort));
  if (destinationPort) lists.push(ports("dports", destinationPort));
  if (state) lists.push([`-m conntrack --ctstate ${[...new Set(state)].join(",").toUpperCase()}`]);
  if (mark) {
    lists.push(
      mark.map(({ value, mask }) =>
        `-m mark --mark 0x${value.toString(16)}/0x${mask.toString(16)}`
      ),
    );
  }
  if (user) {
    lists.push(user.map((one) => `-m owner --uid-owner ${userNumberOf(one, users)}`));
  }
  return lists;
}

/** The target that sends a packet to its queue. */
export function queueTarget({ queue, balance, bypass }: CheckedRule): string {
  const { from, to } = queue ?? { from: 0, to: 0 };
  const words = [
    "-j NFQUEUE",
    from === to ? `--queue-num ${from}` : `--queue-balance ${from}:${to}`,
  ];
  if (from !== to && balance === "cpu") words.push("--queue-cpu-fanout");
  if (bypass) words.push("--queue-bypass");
  return words.join(" ");
}

/**
 * A rule as lines of a chain of its own, without `-A CHAIN`.
 *
 * @param users numbers of the users that are named
 * @param where the rule, for errors: `rules[1].`
 */
export function iptablesLines(
  rule: CheckedRule,
  version: 4 | 6,
  { users = new Map(), where = "" }: {
    readonly users?: ReadonlyMap<string, number>;
    readonly where?: string;
  } = {},
): string[] {
  const { fields, not, firstPackets } = rule;
  const returns = Object.entries(not).flatMap(([name, values]) =>
    combinations(alternatives({ [name]: values }, version, users), where)
      .map((words) => [...words, "-j RETURN"].join(" "))
  );
  const last = firstPackets === undefined ? [] : [
    `-m connbytes --connbytes 0:${firstPackets} --connbytes-dir both --connbytes-mode packets`,
  ];
  const queued = combinations(alternatives(fields, version, users), where)
    .map((words) => [...words, ...last, queueTarget(rule)].join(" "));
  return [...returns, ...queued];
}
