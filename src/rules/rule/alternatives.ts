/** Every way to take one of each list: `[[a, b], [c]]` gives `[a, c]` and `[b, c]`. */
export function combinations(lists: readonly (readonly string[])[]): string[][] {
  return lists.reduce<string[][]>(
    (all, list) => all.flatMap((taken) => list.map((word) => [...taken, word])),
    [[]],
  );
}
