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

/** What nft would read on after the expression, or begin before it. */
export function checkExpressionText(field: string, text: string): void {
  const quotes = text.split('"').length - 1;
  if (quotes % 2 !== 0) throw new RangeError(`${field}: a quotation mark is not closed`);
  let depth = 0;
  for (const character of text.replaceAll(/"[^"]*"/g, "")) {
    if (character === "{") depth++;
    if (character === "}") depth--;
    if (depth < 0) break;
  }
  if (depth !== 0) throw new RangeError(`${field}: a brace has no other one`);
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
