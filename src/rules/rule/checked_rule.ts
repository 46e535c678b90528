import {
  checkBoolean,
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  show,
} from "../../base/checks.ts";
import { checkObject } from "../../base/objects.ts";
import { type Addresses, addressRangeOf, prefixOf } from "./addresses.ts";
import { priorityNames, priorityOf } from "./priorities.ts";
import { hasPorts, type Protocol, PROTOCOL_NAMES, protocolOf } from "./protocols.ts";
import type {
  ConnectionState,
  QueueBalance,
  Range,
  Rule,
  RuleFamily,
  RuleFields,
  RuleHook,
} from "./rule.ts";

/** The fields of a rule that were checked: lists, numbers, and texts that are written as they are. */
export interface CheckedFields {
  readonly protocol?: readonly Protocol[];
  readonly source?: readonly Addresses[];
  readonly destination?: readonly Addresses[];
  readonly sourcePort?: readonly Range<number>[];
  readonly destinationPort?: readonly Range<number>[];
  readonly inDevice?: readonly string[];
  readonly outDevice?: readonly string[];
  readonly state?: readonly ConnectionState[];
  readonly mark?: readonly { readonly value: number; readonly mask: number }[];
  readonly user?: readonly (string | number)[];
}

/** What stands for a user in a line: a number, or the name where it was not looked up. */
export function userNumberOf(
  user: string | number,
  users: ReadonlyMap<string, number>,
): string | number {
  return typeof user === "number" ? user : users.get(user) ?? user;
}

/** A rule that was checked. */
export interface CheckedRule {
  readonly hooks: readonly RuleHook[];
  readonly family: RuleFamily;
  /** Absent where the rule names none. */
  readonly priority?: number;
  readonly fields: CheckedFields;
  readonly not: CheckedFields;
  readonly firstPackets?: number;
  readonly expression?: string;
  /** Absent where the host gives the numbers. */
  readonly queue?: Range<number>;
  readonly balance: QueueBalance;
  readonly bypass: boolean;
}

const HOOKS: readonly RuleHook[] = ["prerouting", "input", "forward", "output", "postrouting"];
const FAMILIES: readonly RuleFamily[] = ["inet", "ipv4", "ipv6", "bridge"];
const STATES: readonly ConnectionState[] = [
  ...["new", "established", "related", "invalid", "untracked"] as const,
];
const BALANCES: readonly QueueBalance[] = ["flow", "addresses", "cpu"];
const ALL = 0xffffffff;
/** Hooks where a device is not known yet, or any more. */
const NO_IN_DEVICE: readonly RuleHook[] = ["output"];
const NO_OUT_DEVICE: readonly RuleHook[] = ["prerouting", "input"];
const WITH_SOCKET: readonly RuleHook[] = ["output", "postrouting"];
const MOST_VALUES = 10_000;
const MOST_EXPRESSION = 4096;

const FIELDS = [
  ...["protocol", "source", "destination", "sourcePort", "destinationPort", "inDevice"],
  ...["outDevice", "state", "mark", "user"],
] as const;
const RULE_KEYS = [
  ...FIELDS,
  ...["hook", "family", "priority", "not", "firstPackets", "expression", "queue", "balance"],
  "bypass",
];

function oneOf<Word extends string>(field: string, value: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const list = words.map((word) => JSON.stringify(word)).join(", ");
  const text = `${field} must be one of ${list}, got ${show(value)}`;
  throw typeof value === "string" ? new RangeError(text) : new TypeError(text);
}

function listOf<Value>(
  field: string,
  value: unknown,
  read: (field: string, value: unknown) => Value,
): readonly Value[] {
  if (!Array.isArray(value)) return [read(field, value)];
  const list = checkList<unknown>(field, value, MOST_VALUES);
  if (list.length === 0) {
    throw new RangeError(`${field} must have 1 to ${MOST_VALUES} values, got 0`);
  }
  return list.map((entry, at) => read(`${field}[${at}]`, entry));
}

const isRange = (value: unknown): value is { from: unknown; to: unknown } =>
  typeof value === "object" && value !== null && ("from" in value || "to" in value);

function rangeOf(field: string, value: unknown, most: number): Range<number> {
  if (!isRange(value)) {
    const from = checkInteger(field, value, 0, most);
    return { from, to: from };
  }
  checkKeys(field, value, ["from", "to"]);
  const from = checkInteger(`${field}.from`, value.from, 0, most);
  const to = checkInteger(`${field}.to`, value.to, 0, most);
  if (from > to) throw new RangeError(`${field}: from ${from} is after to ${to}`);
  return { from, to };
}

/** The kernel counts the queues of a range in 16 bits. */
function queuesOf(field: string, value: unknown): Range<number> {
  const queues = rangeOf(field, value, 0xffff);
  if (queues.to - queues.from < 0xffff) return queues;
  throw new RangeError(`${field}: at most 65535 queues share packets, not all 65536`);
}

function addressesOf(field: string, value: unknown): Addresses {
  if (!isRange(value)) return prefixOf(field, checkText(field, value));
  checkKeys(field, value, ["from", "to"]);
  const from = checkText(`${field}.from`, value.from);
  return addressRangeOf(field, from, checkText(`${field}.to`, value.to));
}

function protocolValue(field: string, value: unknown): Protocol {
  if (typeof value !== "string") {
    const number = checkInteger(field, value, 0, 255);
    return { ipv4: number, ipv6: number };
  }
  const protocol = protocolOf(value);
  if (protocol !== undefined) return protocol;
  throw new RangeError(
    `${field} must be a number from 0 to 255 or one of ${PROTOCOL_NAMES.join(", ")}, got ${
      show(value)
    }`,
  );
}

/** What devices are called: the kernel allows more, which nft, iptables or a shell would not read so. */
function deviceValue(field: string, value: unknown): string {
  const name = checkText(field, value);
  const bytes = new TextEncoder().encode(name).length;
  const plain = /^[\p{L}\p{N}_.][\p{L}\p{N}_.@~-]*\*?$/u.test(name) && !/^\.{1,2}$/.test(name);
  if (plain && bytes <= 15) return name;
  throw new RangeError(
    `${field} must be a device's name of 1 to 15 bytes, with * at its end for all that begin so, ` +
      `got ${show(value)}`,
  );
}

function markValue(field: string, value: unknown): { value: number; mask: number } {
  if (typeof value !== "object" || value === null) {
    return { value: checkInteger(field, value, 0, ALL), mask: ALL };
  }
  checkKeys(field, value, ["value", "mask"]);
  const { value: bits, mask } = value as { value?: unknown; mask?: unknown };
  const checked = {
    value: checkInteger(`${field}.value`, bits, 0, ALL),
    mask: checkInteger(`${field}.mask`, mask, 0, ALL),
  };
  if (((checked.value & ~checked.mask) >>> 0) === 0) return checked;
  throw new RangeError(`${field}: the value has bits that are not in the mask, so nothing fits`);
}

function userValue(field: string, value: unknown): string | number {
  if (typeof value === "number") return checkInteger(field, value, 0, ALL - 1);
  const name = checkText(field, value);
  // useradd(8), and what directories add: no more than that is ever looked up.
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.@\\-]{0,63}\$?$/u.test(name)) return name;
  throw new RangeError(`${field} must be a user's name or number, got ${show(value)}`);
}

const READERS = {
  protocol: protocolValue,
  source: addressesOf,
  destination: addressesOf,
  sourcePort: (field: string, value: unknown) => rangeOf(field, value, 0xffff),
  destinationPort: (field: string, value: unknown) => rangeOf(field, value, 0xffff),
  inDevice: deviceValue,
  outDevice: deviceValue,
  state: (field: string, value: unknown) => oneOf(field, value, STATES),
  mark: markValue,
  user: userValue,
} as const;

function fieldsOf(where: string, given: RuleFields): CheckedFields {
  const fields: Record<string, unknown> = {};
  for (const name of FIELDS) {
    const value: unknown = given[name];
    if (value === undefined) continue;
    const read = READERS[name] as (field: string, value: unknown) => unknown;
    fields[name] = listOf(`${where}${name}`, value, read);
  }
  return fields as CheckedFields;
}

/** What cannot be at these hooks, or contradicts itself. */
function checkSense(where: string, rule: CheckedRule): void {
  const { hooks, family, fields, not } = rule;
  const at = (wrong: readonly RuleHook[]) => hooks.find((hook) => wrong.includes(hook));
  for (const [part, { inDevice, outDevice, user }] of [["", fields], ["not.", not]] as const) {
    const field = (name: string) => `${where}${part}${name}`;
    const before = inDevice && at(NO_IN_DEVICE);
    if (before) throw new RangeError(`${field("inDevice")}: at ${before} a packet came in by none`);
    const early = outDevice && at(NO_OUT_DEVICE);
    if (early) {
      throw new RangeError(`${field("outDevice")}: at ${early} it is not known where it leaves`);
    }
    const socketless = user && hooks.find((hook) => !WITH_SOCKET.includes(hook));
    if (socketless) {
      throw new RangeError(
        `${field("user")}: only at output and postrouting, not at ${socketless}`,
      );
    }
  }
  const version = family === "ipv4" ? 4 : family === "ipv6" ? 6 : undefined;
  for (const name of ["source", "destination"] as const) {
    const wrong = version && fields[name]?.find((address) => address.version !== version);
    if (wrong) {
      throw new RangeError(
        `${where}${name}: ${wrong.from} is no address of the family ${family}`,
      );
    }
  }
  const versions = (addresses: readonly Addresses[] | undefined) =>
    new Set(addresses?.map((address) => address.version) ?? [4, 6]);
  const both = [...versions(fields.source)].some((one) => versions(fields.destination).has(one));
  if (!both) {
    throw new RangeError(`${where}destination: of another version of IP than the source`);
  }
  const portless = fields.protocol?.find((protocol) => !hasPorts(protocol));
  for (const name of ["sourcePort", "destinationPort"] as const) {
    if (portless !== undefined && fields[name] !== undefined) {
      throw new RangeError(`${where}${name}: protocol ${portless.ipv4} has no ports`);
    }
  }
}

/**
 * Checks a rule, and makes all its fields lists.
 *
 * @param where what stands before a field's name in errors, such as `rules[1].`
 * @throws {TypeError | RangeError} naming the field, before anything is installed
 */
export function checkRule(rule: Rule, where: string = ""): CheckedRule {
  checkObject(where === "" ? "rule" : where.replace(/\.$/, ""), rule);
  checkKeys(where === "" ? "rule" : where.replace(/\.$/, ""), rule, RULE_KEYS);
  const { not = {}, priority, firstPackets, expression, queue, balance, bypass = true } = rule;
  const hooks = listOf(`${where}hook`, rule.hook, (field, value) => oneOf(field, value, HOOKS));
  const family = oneOf(`${where}family`, rule.family ?? "inet", FAMILIES);
  checkKeys(`${where}not`, not, FIELDS);
  const queues = queue === undefined ? undefined : queuesOf(`${where}queue`, queue);
  const checked: CheckedRule = {
    hooks: [...new Set(hooks)],
    family,
    ...(priority === undefined ? {} : { priority: priorityValue(where, priority, family) }),
    fields: fieldsOf(where, rule),
    not: fieldsOf(`${where}not.`, not),
    ...(firstPackets === undefined
      ? {}
      : { firstPackets: checkInteger(`${where}firstPackets`, firstPackets, 1, 2 ** 31 - 1) }),
    ...(expression === undefined ? {} : { expression: expressionValue(where, expression) }),
    ...(queues === undefined ? {} : { queue: queues }),
    balance: oneOf(`${where}balance`, balance ?? "addresses", BALANCES),
    bypass: checkBoolean(`${where}bypass`, bypass),
  };
  if (balance !== undefined && queues !== undefined && queues.from === queues.to) {
    throw new RangeError(`${where}balance: there is one queue only; a range has from and to`);
  }
  checkSense(where, checked);
  return checked;
}

function priorityValue(where: string, value: unknown, family: RuleFamily): number {
  const field = `${where}priority`;
  if (typeof value !== "string") return checkInteger(field, value, -(2 ** 31), 2 ** 31 - 1);
  const priority = priorityOf(value, family);
  if (priority !== undefined) return priority;
  const names = priorityNames(family).join(", ");
  throw new RangeError(`${field} must be a number or one of ${names}, got ${show(value)}`);
}

/** What nft makes of it is looked at when it is installed: here only that it is one line of matches. */
function expressionValue(where: string, value: unknown): string {
  const field = `${where}expression`;
  const text = checkText(field, value).trim();
  if (text === "" || text.length > MOST_EXPRESSION) {
    throw new RangeError(`${field} must have 1 to ${MOST_EXPRESSION} characters`);
  }
  if (/[\n\r;#\\\p{Cc}]/u.test(text)) {
    throw new RangeError(`${field} must be one line of matches, without ; # and \\`);
  }
  return text;
}
