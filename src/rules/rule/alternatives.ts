// Fields with several values where a line of the firewall takes one: every way to choose is a line.

/** Lines that rules may come to, so that no list times a list fills the memory. */
export const MOST_LINES = 65_536;

/**
 * Every way to take one of each list: `[[a, b], [c]]` gives `[a, c]` and `[b, c]`.
 *
 * @param where the rule, for errors: `rules[1].`
 * @throws {RangeError} before any is made, where there are too many
 */
export function combinations(
  lists: readonly (readonly string[])[],
  where: string = "",
): string[][] {
  checkLines(
    lists.reduce((count, list) => count * list.length, 1),
    where.replace(/\.$/, "") || "rule",
  );
  return lists.reduce<string[][]>(
    (all, list) => all.flatMap((taken) => list.map((word) => [...taken, word])),
    [[]],
  );
}

/** @throws {RangeError} naming what comes to so many lines */
export function checkLines(count: number, what: string): void {
  if (count <= MOST_LINES) return;
  throw new RangeError(
    `${what}: the lists in it come to ${count} lines of the firewall, and at most ${MOST_LINES} are made: ` +
      "prefixes and ranges take the place of many values",
  );
}
