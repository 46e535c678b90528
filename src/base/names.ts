// Which property somebody meant who wrote a name that is none.
import { ALIASES } from "./alias_names.ts";

/** A longer name is none that was misspelt, and takes time to compare. */
const LONGEST = 40;

/** A name as it stands in a message: what is no word is quoted, and cut. */
export function showName(name: string): string {
  if (/^[\w$]+$/.test(name) && name.length <= LONGEST) return name;
  return JSON.stringify(name.length <= LONGEST ? name : `${name.slice(0, LONGEST)}…`);
}

/** `a, b or c`. */
export function oneOf(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} or ${last}`;
}

/** Which of a view's `names` is called `name` elsewhere, or is written otherwise there. */
export function sameNames(view: string, name: string, names: readonly string[]): string[] {
  if (name.length > LONGEST) return [];
  const word = plain(name);
  const written = names.filter((known) => plain(known) === word);
  if (word === "" || written.length > 0) return written;
  const words = ALIASES[view] ?? {};
  return names.filter((known) =>
    Object.hasOwn(words, known) && words[known]!.split(" ").includes(word)
  );
}

/** Which of `names` it is with a slip or two of the fingers; several when they are equally near. */
export function nearNames(name: string, names: readonly string[]): string[] {
  if (name.length > LONGEST) return [];
  const word = plain(name);
  // Two slips in a short word make another word of it.
  let nearest = word.length < 3 ? 0 : word.length < 6 ? 1 : word.length < 12 ? 2 : 3;
  let near: string[] = [];
  for (const known of names) {
    const slips = distance(word, plain(known));
    if (slips > nearest) continue;
    if (slips < nearest) near = [];
    nearest = slips;
    near.push(known);
  }
  return near;
}

/** `ipv4 has no "src"; it knows it as source`, where one of `names` was meant; else all of them. */
export function unknownKey(view: string, key: string, names: readonly string[]): string {
  const wrong = `${view} has no "${key}"; it knows`;
  const same = sameNames(view, key, names);
  if (same.length > 0) return `${wrong} it as ${oneOf(same)}`;
  const near = nearNames(key, names);
  return `${wrong} ${near.length > 0 ? oneOf(near) : names.join(", ")}`;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** Letters to put in, take out, change or swap with the next (optimal string alignment). */
function distance(from: string, to: string): number {
  let [before, last]: [number[], number[]] = [
    [],
    Array.from({ length: to.length + 1 }, (_, at) => at),
  ];
  for (let row = 1; row <= from.length; row++) {
    const here = [row];
    for (let at = 1; at <= to.length; at++) {
      const same = from[row - 1] === to[at - 1];
      here[at] = Math.min(last[at]! + 1, here[at - 1]! + 1, last[at - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && at > 1 && from[row - 1] === to[at - 2] &&
        from[row - 2] === to[at - 1];
      if (swapped) here[at] = Math.min(here[at]!, before[at - 2]! + 1);
    }
    [before, last] = [last, here];
  }
  return last[to.length]!;
}
