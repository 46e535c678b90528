// An expression holds matches only: what nft made of it is read back from the kernel.
import type { Expression, ListedRule } from "./messages.ts";

/**
 * What reads something of a packet into a register, with the attribute NFTA_…_DREG that tells where:
 * the same expression without it changes something.
 */
const LOADS: Readonly<Record<string, number>> = {
  ...{ meta: 1, payload: 1, ct: 1, exthdr: 1, rt: 1, fib: 1, osf: 1, numgen: 1, xfrm: 1 },
  ...{ socket: 2, hash: 2, tunnel: 2 },
};
const COMPARISONS: readonly string[] = ["cmp", "range", "bitwise", "byteorder"];
/** A lookup with NFTA_LOOKUP_DREG takes a value, or a verdict, out of a map. */
const LOOKUP_RESULT = 3;

function isMatch({ name, attributes }: Expression): boolean {
  if (name === "lookup") return !attributes.has(LOOKUP_RESULT);
  const load = Object.hasOwn(LOADS, name) ? LOADS[name] : undefined;
  return COMPARISONS.includes(name) || (load !== undefined && attributes.has(load));
}

/** Words that stand in no match: statements, and what belongs to a rule's place. */
const STATEMENTS: readonly string[] = [
  ...["accept", "drop", "continue", "return", "jump", "goto", "queue", "counter", "log", "limit"],
  ...["quota", "set", "map", "vmap", "add", "update", "delete", "meter", "reject", "masquerade"],
  ...["tproxy", "notrack", "synproxy", "fwd", "dup", "xt", "handle", "position", "index", "last"],
  ...["comment", "include", "define"],
];
/** What begins a match. Another sign, or one of these operators, would go on with the match before it. */
const BEGIN = /^(?!(?:and|or|xor|not|eq|ne|lt|gt|le|ge|lshift|rshift)\b)[a-z@]/i;

/**
 * What can be said without nft. It also keeps words from nft at which libnftables ends the process
 * (assertions of its own), and what would read on behind the expression.
 *
 * @throws {RangeError} naming the field
 */
export function checkExpressionText(field: string, text: string): void {
  if (!BEGIN.test(text)) {
    throw new RangeError(
      `${field} must begin with the name of what is compared, such as tcp dport`,
    );
  }
  const parts = text.split('"');
  if (parts.length % 2 === 0) throw new RangeError(`${field}: a quotation mark is not closed`);
  const plain = parts.filter((_, at) => at % 2 === 0).join(' "" ');
  const braces = plain.replaceAll(/[^{}]/g, "");
  if (!/^(\{\})*$/.test(braces)) {
    throw new RangeError(`${field}: braces must come in pairs, none within another`);
  }
  const statement = plain.split(/[^\w-]+/).find((word) => STATEMENTS.includes(word));
  if (statement !== undefined) {
    throw new RangeError(`${field} must hold matches only: "${statement}" is none`);
  }
}

/**
 * Compares the rules of a chain with its lines, each of which ends with `return`, or with `counter`
 * and the way to a queue.
 *
 * @throws {RangeError} naming the field
 */
export function checkMatches(
  field: string,
  lines: readonly string[],
  rules: readonly ListedRule[],
): void {
  const refuse = (what: string) => {
    throw new RangeError(`${field} must hold matches only: nft makes ${what} of it`);
  };
  if (rules.length !== lines.length) refuse(`${rules.length} rules instead of ${lines.length}`);
  rules.forEach(({ expressions }, at) => {
    // Behind it stand our own words.
    const own = lines[at]!.endsWith(" return") ? "immediate" : "counter";
    const wrong = expressions.findIndex((expression) => !isMatch(expression));
    const first = expressions[wrong];
    if (first === undefined || first.name !== own) refuse(`"${first?.name ?? "nothing"}"`);
    const names = expressions.slice(wrong).map(({ name }) => name).join(" ");
    if (!OWN_ENDS.includes(names)) refuse(`"${names}"`);
  });
}

/** `return`; a queue's statement, also with a number that is computed; the way to an xt target. */
const OWN_ENDS: readonly string[] = [
  ...["immediate", "counter queue", "counter hash queue", "counter immediate"],
];
