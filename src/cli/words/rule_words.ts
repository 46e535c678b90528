// A rule on the command line: one line of words, with the names of Rule's fields.
import { nearNames, sameNames, showName } from "../../base/names.ts";
import { messageOf } from "../frame/message.ts";
import { checkRule } from "../../rules/rule/checked_rule.ts";
import type { Rule, RuleFields } from "../../rules/rule/rule.ts";
import type { Span } from "./point.ts";
import { type LineWord, readWords, refuse, writeValue } from "./line_words.ts";

/** Reads one value of a field; undefined for a text that is none. */
type Read = (text: string) => unknown;

interface Field {
  readonly read: Read;
  /** What a value looks like, for errors. */
  readonly form: string;
  /** Whether several may stand there, with commas. */
  readonly list?: true;
}

const text: Read = (value) => value;

const number: Read = (value) => /^(0|[1-9]\d{0,11})$/.test(value) ? Number(value) : undefined;

const bits: Read = (value) => /^0[xX][0-9a-fA-F]{1,8}$/.test(value) ? Number(value) : number(value);

const numberOrName: Read = (value) => /^\d/.test(value) ? number(value) ?? value : value;

const range = (read: Read): Read => (value) => {
  const [first = "", last, ...more] = value.split("-");
  if (last === undefined || more.length > 0) return read(value);
  const [from, to] = [read(first), read(last)];
  return from === undefined || to === undefined ? undefined : { from, to };
};

const marks: Read = (written) => {
  const [first = "", last, ...more] = written.split("/");
  if (last === undefined || more.length > 0) return bits(written);
  const [value, mask] = [bits(first), bits(last)];
  return value === undefined || mask === undefined ? undefined : { value, mask };
};

const priority: Read = (value) =>
  /^-[1-9]\d{0,11}$/.test(value) ? Number(value) : numberOrName(value);

const bool: Read = (value) => value === "true" ? true : value === "false" ? false : undefined;

const ADDRESSES: Field = {
  ...{ read: range(text), list: true },
  form: "an address, a prefix such as 10.0.0.0/8, or a range such as 10.0.0.1-10.0.0.9",
};
const PORTS: Field = {
  ...{ read: range(number), list: true },
  form: "a number, or a range such as 1000-2000",
};
const DEVICES: Field = { read: text, list: true, form: "a device's name" };

/** Fields that `not.` negates. */
const MATCHES: Readonly<Record<keyof RuleFields, Field>> = {
  protocol: { read: numberOrName, list: true, form: "a name or a number" },
  source: ADDRESSES,
  destination: ADDRESSES,
  sourcePort: PORTS,
  destinationPort: PORTS,
  inDevice: DEVICES,
  outDevice: DEVICES,
  state: { read: text, list: true, form: "a state of connections" },
  mark: { read: marks, list: true, form: "a number, or a value and a mask such as 0x1/0xff" },
  user: { read: numberOrName, list: true, form: "a name or a number" },
};

const FIELDS: Readonly<Record<Exclude<keyof Rule, "not">, Field>> = {
  hook: { read: text, list: true, form: "a hook" },
  family: { read: text, form: "a family" },
  priority: { read: priority, form: "a number, or a name such as raw" },
  ...MATCHES,
  firstPackets: { read: number, form: "a number" },
  expression: { read: text, form: "matches in nft's words" },
  queue: { read: range(number), form: "a number, or a range such as 0-3" },
  balance: { read: text, form: "flow, addresses or cpu" },
  bypass: { read: bool, form: "true or false" },
};

/** Names that `name=` takes. */
const NAMES: readonly string[] = [
  ...Object.keys(FIELDS),
  ...Object.keys(MATCHES).map((name) => `not.${name}`),
];

/** A text between commas, and where it stands. */
interface Item extends Span {
  readonly text: string;
}

/** Where the values of a field stand, for errors of the check of the whole rule. */
interface Given {
  readonly word: LineWord;
  readonly items: readonly Item[];
}

/**
 * Reads a rule: `output protocol=tcp destinationPort=25,587 not.source=10.0.0.0/8 queue=0-3`. The first
 * words are hooks. Then each word is a field of {@link Rule} and its value. A comma stands between
 * values, and `-` between the ends of a range.
 *
 * @throws {UsageError} for what is no rule; it shows the line, and points at the word
 */
export function parseRule(line: string): Rule {
  const rule: Record<string, unknown> = {};
  const not: Record<string, unknown> = {};
  const given = new Map<string, Given>();
  for (const word of readWords(line)) {
    const name = word.name === undefined && isHookWord(line, word) ? "hook" : word.name!;
    const field = fieldOf(line, word, name);
    const before = given.get(name);
    if (before !== undefined && word.name !== undefined) {
      refuse(line, word, `${name} is given twice; several values stand behind one =, with commas`);
    }
    const items = [...before?.items ?? [], ...itemsOf(line, word, field.list === true)];
    const values = items.map((item) => {
      const value = field.read(item.text);
      if (value !== undefined) return value;
      refuse(line, item, `${name} must be ${field.form}, got ${JSON.stringify(item.text)}`);
    });
    given.set(name, { word, items });
    const whole = values.length === 1 ? values[0] : values;
    if (name.startsWith("not.")) not[name.slice("not.".length)] = whole;
    else rule[name] = whole;
  }
  if (!given.has("hook")) {
    const end = { at: line.length, length: 1 };
    refuse(
      line,
      end,
      "the hook is missing: a rule begins with one, such as output or input,forward",
    );
  }
  if (Object.keys(not).length > 0) rule["not"] = not;
  try {
    checkRule(rule as unknown as Rule);
  } catch (error) {
    const message = messageOf(error);
    refuse(line, placeOf(message, given) ?? { at: 0, length: line.length }, message);
  }
  return rule as unknown as Rule;
}

/** A word without `=` is a hook, or somebody forgot the value. */
function isHookWord(line: string, word: LineWord): true {
  const { value } = word;
  if (Object.hasOwn(FIELDS, value) || NAMES.includes(value)) {
    refuse(line, word, `${value} needs a value: ${value}=…`);
  }
  return true;
}

function fieldOf(line: string, word: LineWord, name: string): Field {
  const [, not, plain = name] = /^(not\.)?(.*)$/.exec(name) ?? [];
  const fields: Readonly<Record<string, Field>> = not === undefined ? FIELDS : MATCHES;
  if (Object.hasOwn(fields, plain)) return fields[plain]!;
  const place = { at: word.at, length: name.length || 1 };
  if (not !== undefined && Object.hasOwn(FIELDS, plain)) {
    refuse(line, place, `${plain} cannot be negated; ${Object.keys(MATCHES).join(", ")} can`);
  }
  const known = Object.keys(fields);
  const near = [...sameNames("flow", plain, known), ...sameNames("packet", plain, known)];
  if (near.length === 0) near.push(...nearNames(plain, known));
  const meant = near.map((one) => `${not ?? ""}${one}`).join(" or ");
  const advice = near.length > 0 ? `did you mean ${meant}?` : `there are ${NAMES.join(", ")}`;
  refuse(line, place, `a rule has no ${showName(name)}: ${advice}`);
}

function itemsOf(line: string, { value, place, quoted }: LineWord, list: boolean): Item[] {
  if (!list) return [{ ...place, text: value }];
  let at = place.at;
  return value.split(",").map((part) => {
    const item = quoted ? { ...place, text: part.trim() } : { at, length: part.length, text: part };
    at += part.length + 1;
    if (item.text !== "") return item;
    const where = quoted ? place : { at: Math.max(0, item.at - 1), length: 1 };
    refuse(line, where, "a value is missing; no blank stands between values and their commas");
  });
}

/** The words that an error of checkRule names: `not.source[1]: …`. */
function placeOf(message: string, given: ReadonlyMap<string, Given>): Span | undefined {
  const [, name = "", index] = /^((?:not\.)?[A-Za-z]+)(?:\[(\d+)\])?/.exec(message) ?? [];
  const found = given.get(name);
  if (found === undefined) return undefined;
  return index === undefined ? found.word : found.items[Number(index)] ?? found.word;
}

/**
 * A rule as the words that {@link parseRule} reads.
 *
 * @throws {TypeError | RangeError} for what is no rule
 */
export function ruleText(rule: Rule): string {
  checkRule(rule);
  const { hook, not = {}, ...fields } = rule;
  const words = [listText("hook", hook)];
  const add = (name: string, field: string, value: unknown) => {
    if (value !== undefined) words.push(`${name}=${writeValue(listText(field, value))}`);
  };
  for (const name of Object.keys(FIELDS)) {
    add(name, name, fields[name as keyof typeof fields]);
    if (name === "user") {
      // Behind the last field that can be negated.
      for (const each of Object.keys(MATCHES)) {
        add(`not.${each}`, each, not[each as keyof RuleFields]);
      }
    }
  }
  return words.join(" ");
}

function listText(field: string, value: unknown): string {
  return (Array.isArray(value) ? value as unknown[] : [value])
    .map((one) => valueText(field, one)).join(",");
}

function valueText(field: string, value: unknown): string {
  if (typeof value === "object" && value !== null) {
    const parts = value as { from?: unknown; to?: unknown; value?: number; mask?: number };
    if (parts.mask !== undefined) return `${hex(parts.value)}/${hex(parts.mask)}`;
    return `${String(parts.from)}-${String(parts.to)}`;
  }
  return field === "mark" ? hex(value as number) : String(value);
}

const hex = (value = 0): string => `0x${value.toString(16)}`;
