/**
 * The expressions of tcpdump, pcap-filter(7): which packets are shown.
 *
 * @module
 */

import { isOperator, relation, startsRelation } from "./arithmetic.ts";
import { Cursor } from "./cursor.ts";
import type { Qualifiers } from "./identifiers.ts";
import { isNumber } from "./numbers.ts";
import { type FilteredPacket, PacketReader, type Predicate } from "./packet_reader.ts";
import { identifiers, isIdentifier, type Primitive, primitive } from "./primitives.ts";

/** An expression, ready to be asked. */
export class DisplayFilter {
  readonly #predicate: Predicate | undefined;
  readonly #reader = new PacketReader();

  /**
   * @param text in tcpdump's words; an empty one fits all packets
   * @throws {UsageError} that points at the word that is wrong
   */
  constructor(text: string) {
    if (text.trim() === "") return;
    const cursor = new Cursor(text);
    const { predicate } = chain(cursor);
    const rest = cursor.peek();
    if (rest.kind !== "end") {
      const loose = rest.text === ")" || rest.text === "]";
      cursor.fail(
        rest,
        loose ? "nothing was opened that this closes" : `"and" or "or" is missing before this word`,
      );
    }
    this.#predicate = predicate;
  }

  /** Whether a packet fits. It never throws. */
  matches(packet: FilteredPacket): boolean {
    const reader = this.#reader.open(packet);
    return this.#predicate === undefined || (this.#predicate(reader) && !reader.beyond);
  }
}

type Link = readonly [joins: "and" | "or", predicate: Predicate];

/** Terms with `and` and `or` between them. The two bind alike, from the left, as in libpcap. */
function chain(cursor: Cursor): Primitive {
  const first = term(cursor);
  let { qualifiers } = first;
  const links: Link[] = [];
  for (;;) {
    const and = cursor.accept("and", "&&") !== undefined;
    if (!and && cursor.accept("or", "||") === undefined) break;
    let next: Predicate;
    if (qualifiers !== undefined && startsIdentifier(cursor, qualifiers)) {
      next = identifiers(cursor, qualifiers);
    } else ({ predicate: next, qualifiers } = term(cursor));
    links.push([and ? "and" : "or", next]);
  }
  return { predicate: linked(first.predicate, links), qualifiers };
}

function linked(first: Predicate, links: readonly Link[]): Predicate {
  if (links.length === 0) return first;
  return (reader) => {
    let result = first(reader);
    for (const [joins, predicate] of links) {
      if (result === (joins === "and")) result = predicate(reader);
    }
    return result;
  };
}

function term(cursor: Cursor): Primitive {
  let negated = false;
  while (cursor.accept("not", "!")) negated = !negated;
  const { predicate, qualifiers } = positive(cursor);
  return { predicate: negated ? (reader) => !predicate(reader) : predicate, qualifiers };
}

function positive(cursor: Cursor): Primitive {
  if (startsRelation(cursor)) return { predicate: relation(cursor) };
  if (!cursor.is(["("])) return primitive(cursor);
  cursor.take();
  const inner = cursor.nest(() => chain(cursor));
  cursor.expect(")");
  return inner;
}

/** Whether `443`, `not b`, `(a or b)` follows, to be read with the qualifiers before. */
function startsIdentifier(cursor: Cursor, { type }: Qualifiers): boolean {
  let ahead = 0;
  while (cursor.is(["(", "not", "!"], ahead)) ahead++;
  const word = cursor.peek(ahead);
  if (!isIdentifier(word)) return false;
  const prefix = type?.text === "net" && cursor.is(["/"], ahead + 1);
  return !isNumber(word) || prefix || !isOperator(cursor, ahead + 1);
}
