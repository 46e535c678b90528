// Numbers in packets, and what is computed and compared: `tcp[tcpflags] & tcp-syn != 0`, `len > 100`.
import { CONSTANTS } from "./constants.ts";
import type { Cursor } from "./cursor.ts";
import { isNumber } from "./numbers.ts";
import { every, type PacketReader, type Predicate, type Value } from "./packet_reader.ts";
import { PROTOCOLS } from "./protocols.ts";
import type { Word } from "./words.ts";

/** What a computation gives, and which packets have what it reads. */
interface Term {
  readonly value: Value;
  readonly guards: readonly Predicate[];
  /** Its value where no packet is needed to tell. */
  readonly constant?: number;
}

type Operation = (left: number, right: number) => number;

/** From those that bind least. All give 32 bits without a sign. */
const LEVELS: readonly Readonly<Record<string, Operation>>[] = [
  { "|": (left, right) => (left | right) >>> 0 },
  { "^": (left, right) => (left ^ right) >>> 0 },
  { "&": (left, right) => (left & right) >>> 0 },
  {
    "<<": (left, right) => right > 31 ? 0 : (left << right) >>> 0,
    ">>": (left, right) => right > 31 ? 0 : left >>> right,
  },
  { "+": (left, right) => (left + right) >>> 0, "-": (left, right) => (left - right) >>> 0 },
  {
    "*": (left, right) => Math.imul(left, right) >>> 0,
    "/": (left, right) => Math.floor(left / right),
    "%": (left, right) => left % right,
  },
];
const DIVISIONS: readonly string[] = ["/", "%"];

const RELATIONS: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  "=": (left, right) => left === right,
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => left < right,
  ">": (left, right) => left > right,
  "<=": (left, right) => left <= right,
  ">=": (left, right) => left >= right,
};

const OPERATORS: readonly string[] = [
  ...LEVELS.flatMap((level) => Object.keys(level)),
  ...Object.keys(RELATIONS),
];
const SIZES: readonly number[] = [1, 2, 4];

/** Whether a computation goes on at that word. */
export function isOperator(cursor: Cursor, ahead: number): boolean {
  return cursor.peek(ahead).kind === "operator" && cursor.is(OPERATORS, ahead);
}

/** Whether a comparison of numbers begins here. */
export function startsRelation(cursor: Cursor): boolean {
  if (cursor.is(["("])) return isOperator(cursor, cursor.behindBrackets());
  const word = cursor.peek();
  if (cursor.is(["-", "len"]) || isConstant(word)) return true;
  if (isNumber(word)) return isOperator(cursor, 1);
  return isProtocol(word) && cursor.is(["["], 1);
}

const isConstant = ({ kind, escaped, text }: Word): boolean =>
  kind === "word" && !escaped && Object.hasOwn(CONSTANTS, text);

const isProtocol = ({ kind, escaped, text }: Word): boolean =>
  kind === "word" && !escaped && Object.hasOwn(PROTOCOLS, text);

/**
 * Reads a comparison.
 *
 * @throws {UsageError}
 */
export function relation(cursor: Cursor): Predicate {
  const left = arithmetic(cursor, 0);
  const word = cursor.take();
  const compare = word.kind === "operator" && Object.hasOwn(RELATIONS, word.text)
    ? RELATIONS[word.text]!
    : cursor.fail(word, `a comparison is missing here: ${Object.keys(RELATIONS).join(" ")}`);
  const right = arithmetic(cursor, 0);
  return every(
    ...left.guards,
    ...right.guards,
    (reader) => compare(left.value(reader), right.value(reader)),
  );
}

function arithmetic(cursor: Cursor, level: number): Term {
  const operations = LEVELS[level];
  if (operations === undefined) return operand(cursor);
  let left = arithmetic(cursor, level + 1);
  for (;;) {
    const word = cursor.accept(...Object.keys(operations));
    if (word === undefined) return left;
    const right = arithmetic(cursor, level + 1);
    if (DIVISIONS.includes(word.text) && right.constant === 0) {
      cursor.fail(word, "this divides by 0");
    }
    left = computed(left, operations[word.text]!, right);
  }
}

function computed(left: Term, operation: Operation, right: Term): Term {
  const { constant: a, value: first } = left;
  const { constant: b, value: second } = right;
  if (a !== undefined && b !== undefined) return constantTerm(operation(a, b));
  const guards = [...left.guards, ...right.guards];
  const value = (reader: PacketReader) => {
    const result = operation(first(reader), second(reader));
    // Only a division by 0 gives none: as in libpcap, the packet does not fit then.
    if (!Number.isNaN(result) && result !== Infinity) return result;
    reader.beyond = true;
    return 0;
  };
  return { value, guards };
}

const constantTerm = (constant: number): Term => ({ value: () => constant, guards: [], constant });

function operand(cursor: Cursor): Term {
  if (cursor.accept("(")) {
    const inner = cursor.nest(() => arithmetic(cursor, 0));
    cursor.expect(")");
    return inner;
  }
  if (cursor.accept("-")) {
    return cursor.nest(() =>
      computed(constantTerm(0), (left, right) => (left - right) >>> 0, operand(cursor))
    );
  }
  const word = cursor.take();
  if (word.text === "len") return { value: (reader) => reader.packet.length, guards: [] };
  if (isNumber(word)) {
    const number = Number(word.text);
    return number <= 0xffffffff
      ? constantTerm(number)
      : cursor.fail(word, "numbers have 32 bits: 0 to 4294967295");
  }
  if (isConstant(word)) return constantTerm(CONSTANTS[word.text]!);
  if (isProtocol(word)) return bytesOf(cursor, word);
  return cursor.fail(word, "a number, len, or bytes such as tcp[13] must stand here");
}

/** `tcp[12:4]`, behind the name. */
function bytesOf(cursor: Cursor, name: Word): Term {
  const { accessor } = PROTOCOLS[name.text]!;
  if (accessor === undefined) cursor.fail(name, `the bytes of ${name.text} cannot be read`);
  cursor.expect("[");
  const at = cursor.nest(() => arithmetic(cursor, 0));
  let size: 1 | 2 | 4 = 1;
  if (cursor.accept(":")) {
    const word = cursor.take();
    if (!isNumber(word) || !SIZES.includes(Number(word.text))) {
      cursor.fail(word, "the size is 1, 2 or 4 bytes");
    }
    size = Number(word.text) as 1 | 2 | 4;
  }
  cursor.expect("]");
  const { has, read } = accessor;
  return {
    value: (reader) => read(reader, at.value(reader), size),
    guards: [has, ...at.guards],
  };
}
