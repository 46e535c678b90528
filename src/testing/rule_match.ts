// Whether a rule catches a packet of a test, as far as a test can know.
import { parseIpv4, parseIpv6 } from "../base/address.ts";
import type { Family } from "../queue/packet/families.ts";
import { parseLayers } from "../packet/layers.ts";
import { isOwnMark } from "../linux/raw/own_marks.ts";
import type { Addresses } from "../rules/rule/addresses.ts";
import type { CheckedFields, CheckedRule } from "../rules/rule/checked_rule.ts";
import { WITH_PORTS } from "../rules/rule/protocols.ts";
import type { ConnectionState, Range } from "../rules/rule/rule.ts";

/** What a test has told about a packet. */
export interface Facts {
  readonly hook: string;
  readonly family: Family;
  readonly version: 4 | 6 | undefined;
  readonly protocol: number | undefined;
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  readonly inDevice: string | undefined;
  readonly outDevice: string | undefined;
  readonly mark: number;
  readonly uid: number | undefined;
  readonly user: string | undefined;
  readonly state: ConnectionState | undefined;
}

/** The name of a field that the test would have to tell. */
export interface Unknown {
  readonly field: string;
}

/** Whether it fits; or what is not known. */
export type Match = boolean | Unknown;

/** What the bytes of an IP packet say. */
export function factsOfBytes(
  bytes: Uint8Array,
): Pick<
  Facts,
  "version" | "protocol" | "source" | "destination" | "sourcePort" | "destinationPort"
> {
  const { flow } = parseLayers(bytes);
  const { protocol, source, destination, sourcePort = 0, destinationPort = 0 } = flow ?? {};
  // A later fragment has none, and tells 0.
  const ported = Object.values(WITH_PORTS).includes(protocol ?? -1) &&
    (sourcePort !== 0 || destinationPort !== 0);
  return {
    version: source === undefined ? undefined : source.includes(":") ? 6 : 4,
    ...{ protocol, source, destination },
    sourcePort: ported ? sourcePort : undefined,
    destinationPort: ported ? destinationPort : undefined,
  };
}

function bytesOf(address: string): readonly number[] {
  if (address.includes(":")) return [...parseIpv6(address)];
  const number = parseIpv4(address);
  return [24, 16, 8, 0].map((bits) => (number >>> bits) & 0xff);
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 ? 0 : one[at]! - other[at]!;
}

function isIn({ version, from, to, prefix = 0 }: Addresses, address: string): boolean {
  if (version !== (address.includes(":") ? 6 : 4)) return false;
  const bytes = bytesOf(address);
  if (to !== undefined) {
    return compare(bytes, bytesOf(from)) >= 0 && compare(bytes, bytesOf(to)) <= 0;
  }
  return bytesOf(from).every((byte, at) => {
    const bits = Math.max(0, Math.min(8, prefix - at * 8));
    return ((byte ^ bytes[at]!) & (0xff << (8 - bits)) & 0xff) === 0;
  });
}

function isInRange(ranges: readonly Range<number>[], value: number | undefined): boolean {
  return value !== undefined && ranges.some(({ from, to }) => value >= from && value <= to);
}

function isDevice(patterns: readonly string[], name: string | undefined): boolean {
  return name !== undefined &&
    patterns.some((pattern) =>
      pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern
    );
}

/** Users are compared by number in the kernel; a test can tell the name too. */
function isUser(users: readonly (string | number)[], { uid, user }: Facts): Match {
  if (uid === undefined && user === undefined) return false;
  if (users.some((one) => one === uid || one === user)) return true;
  const named = users.some((one) => typeof one === "string");
  const numbered = users.some((one) => typeof one === "number");
  if (named && user === undefined) return { field: "user" };
  return numbered && uid === undefined ? { field: "uid" } : false;
}

type Tests = {
  readonly [Name in keyof CheckedFields]-?: (
    wanted: NonNullable<CheckedFields[Name]>,
    facts: Facts,
  ) => Match;
};

const TESTS: Tests = {
  protocol: (wanted, { version, protocol }) =>
    wanted.some(({ ipv4, ipv6 }) =>
      version !== undefined && protocol === (version === 4 ? ipv4 : ipv6)
    ),
  source: (wanted, { source }) =>
    source !== undefined && wanted.some((addresses) => isIn(addresses, source)),
  destination: (wanted, { destination }) =>
    destination !== undefined && wanted.some((addresses) => isIn(addresses, destination)),
  sourcePort: (wanted, { sourcePort }) => isInRange(wanted, sourcePort),
  destinationPort: (wanted, { destinationPort }) => isInRange(wanted, destinationPort),
  inDevice: (wanted, { inDevice }) => isDevice(wanted, inDevice),
  outDevice: (wanted, { outDevice }) => isDevice(wanted, outDevice),
  state: (wanted, { state }) => state === undefined ? { field: "state" } : wanted.includes(state),
  mark: (wanted, { mark }) => wanted.some(({ value, mask }) => ((mark & mask) >>> 0) === value),
  user: isUser,
};

function matches(fields: CheckedFields, facts: Facts): { name: string; match: Match }[] {
  return Object.entries(fields).map(([name, wanted]) => {
    const test = TESTS[name as keyof Tests] as (wanted: unknown, facts: Facts) => Match;
    return { name, match: test(wanted, facts) };
  });
}

function isOfFamily({ family }: CheckedRule, facts: Facts): boolean {
  return family === facts.family || (family === "inet" && facts.family !== "bridge");
}

/** Whether a rule catches a packet. */
export function ruleCatches(rule: CheckedRule, facts: Facts): Match {
  if (!rule.hooks.some((hook) => hook === facts.hook) || !isOfFamily(rule, facts)) return false;
  // No rule catches what the library itself has sent.
  if (isOwnMark(facts.mark)) return false;
  const wanted = matches(rule.fields, facts);
  const unwanted = matches(rule.not, facts);
  if (wanted.some(({ match }) => match === false)) return false;
  if (unwanted.some(({ match }) => match === true)) return false;
  const open = [...wanted, ...unwanted].find(({ match }) => typeof match === "object");
  if (open !== undefined) return open.match;
  if (rule.firstPackets !== undefined) return { field: "firstPackets" };
  return rule.expression === undefined ? true : { field: "expression" };
}
