// Rules that would catch the connection that a person works through.
import { parseIpv4, parseIpv6 } from "../../base/address.ts";
import type { Addresses } from "../../rules/rule/addresses.ts";
import { type CheckedFields, checkRule } from "../../rules/rule/checked_rule.ts";
import type { Range, Rule, RuleHook } from "../../rules/rule/rule.ts";

/** One end of a connection. */
interface End {
  readonly address: string;
  readonly port: number;
}

/** A packet of it. */
interface Sent {
  readonly hooks: readonly RuleHook[];
  readonly source: End;
  readonly destination: End;
}

const TCP = 6;

/** Both directions of the connection that sshd(8) tells of: client, its port, server, its port. */
function packetsOf(connection: string): readonly Sent[] {
  const [client = "", clientPort, server = "", serverPort] = connection.trim().split(/\s+/);
  const there = { address: client, port: Number(clientPort) };
  const here = { address: server, port: Number(serverPort) };
  if (!(there.port > 0) || !(here.port > 0)) return [];
  // Throws where they are none.
  for (const { address } of [here, there]) bytesOf(address);
  return [
    { hooks: ["prerouting", "input"], source: there, destination: here },
    { hooks: ["output", "postrouting"], source: here, destination: there },
  ];
}

function bytesOf(address: string): readonly number[] {
  const [plain = ""] = address.split("%");
  if (plain.includes(":")) return [...parseIpv6(plain, "address")];
  const number = parseIpv4(plain, "address");
  return [number >>> 24, number >>> 16 & 255, number >>> 8 & 255, number & 255];
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 ? 0 : one[at]! - other[at]!;
}

function holds({ from, to, prefix = 0 }: Addresses, address: readonly number[]): boolean {
  const first = bytesOf(from);
  if (first.length !== address.length) return false;
  if (to !== undefined) return compare(first, address) <= 0 && compare(address, bytesOf(to)) <= 0;
  return first.every((byte, at) => {
    const mask = 0xff << (8 - Math.max(0, Math.min(8, prefix - at * 8))) & 0xff;
    return (byte & mask) === (address[at]! & mask);
  });
}

/** For each field that is given, whether the packet fits; undefined where nobody here can tell. */
function answers(fields: CheckedFields, { source, destination }: Sent): (boolean | undefined)[] {
  const ports = (given: readonly Range<number>[], port: number) =>
    given.some(({ from, to }) => from <= port && port <= to);
  const address = (given: readonly Addresses[], { address }: End) =>
    given.some((one) => holds(one, bytesOf(address)));
  const { inDevice, outDevice, mark, user } = fields;
  return [
    fields.protocol?.some(({ ipv4 }) => ipv4 === TCP) ?? true,
    fields.source === undefined || address(fields.source, source),
    fields.destination === undefined || address(fields.destination, destination),
    fields.sourcePort === undefined || ports(fields.sourcePort, source.port),
    fields.destinationPort === undefined || ports(fields.destinationPort, destination.port),
    fields.state?.includes("established") ?? true,
    [inDevice, outDevice, mark, user].every((field) => field === undefined) || undefined,
  ];
}

/** The same for fields of `not`: each by itself, and those alone that are given. */
function excludes(not: CheckedFields, sent: Sent): boolean {
  return Object.entries(not).some(([name, value]) =>
    answers({ [name]: value }, sent).every((answer) => answer === true)
  );
}

/**
 * Whether a rule without bypass catches packets of that connection, as far as can be told: then nobody
 * decides about them when the filter is gone.
 *
 * @param connection the variable SSH_CONNECTION
 */
export function catchesSsh(rule: Rule, connection: string): boolean {
  const { hooks, family, fields, not, bypass, firstPackets } = checkRule(rule);
  // Such a connection is older than its first packets.
  if (bypass || firstPackets !== undefined) return false;
  try {
    return packetsOf(connection).some((sent) => {
      const version = sent.source.address.includes(":") ? "ipv6" : "ipv4";
      return (family === "inet" || family === version) &&
        sent.hooks.some((hook) => hooks.includes(hook)) &&
        answers(fields, sent).every((answer) => answer !== false) && !excludes(not, sent);
    });
  } catch {
    // What is in the variable is no connection.
    return false;
  }
}
