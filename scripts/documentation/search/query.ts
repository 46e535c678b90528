/**
 * The search, as the build fills it and as the browser asks it.
 *
 * @module
 */

import MiniSearch, { type Options, type Query, type SearchOptions } from "minisearch";

/** A part of a page that can be found. */
export interface Place {
  /** Its number among all. */
  readonly id: number;
  /** A heading, or a name of the reference: `PacketQueue.open`. */
  readonly title: string;
  /** The page, or the entry. */
  readonly where: string;
  /** Its path in the site. */
  readonly address: string;
  readonly text: string;
}

/** What is found, the best first. */
export interface Found extends Omit<Place, "id" | "text"> {
  /** The begin of its text. */
  readonly begin: string;
}

/** As many results as one may want to look at. */
const MOST = 12;

/** How much a place counts, by its address. */
const WEIGHTS: readonly (readonly [part: RegExp, weight: number])[] = [
  [/^(?:api|docs)\/(?:netlink|libnetfilter_queue|libipq|ipq)\b/, 0.5],
  [/^api\//, 1],
  [/^(?:docs\/(?:queue|testing|c_library_faults|benchmarks)|[A-Z]+)\.html/, 0.7],
  [/^/, 1.6],
];

/** The words in `failOpen` and `fail-open` are the same: `fail`, `open`, `failopen`. */
function wordsOf(text: string): string[] {
  return (text.match(/[\p{L}\p{N}_]+(?:-[\p{L}\p{N}_]+)*/gu) ?? []).flatMap((word) => {
    const parts = partsOf(word);
    return parts.length > 1 ? [...parts, parts.join("")] : parts;
  });
}

function partsOf(word: string): string[] {
  return word.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").split(/[ _-]+/).filter((part) => part !== "");
}

const OPTIONS: Options<Place> = {
  fields: ["title", "where", "text"],
  storeFields: ["title", "where", "address", "begin"],
  extractField: (place, field) => {
    if (field === "begin") return place.text.replaceAll(/[\s`]+/g, " ").trim().slice(0, 160);
    return String(place[field as keyof Place]);
  },
  tokenize: (text) => wordsOf(text),
  processTerm: (term) => term.toLowerCase(),
};

const SEARCH: SearchOptions = {
  prefix: true,
  fuzzy: (term) => term.length > 5 ? 0.2 : false,
  boost: { title: 4, where: 1.5 },
  weights: { prefix: 0.5, fuzzy: 0.1 },
  // What most readers look for stands before the messages of the kernel and the names of C.
  boostDocument: (_id, _term, fields) => {
    const address = String(fields?.["address"]);
    return WEIGHTS.find(([part]) => part.test(address))?.[1] ?? 1;
  },
};

/** An index of these places, as plain values. */
export function indexOf(places: readonly Place[]): object {
  const index = new MiniSearch(OPTIONS);
  index.addAll(places);
  return index.toJSON();
}

/** A search in an index that `indexOf` made. */
export function searchIn(index: object): (text: string) => Found[] {
  const search = MiniSearch.loadJS(index as Parameters<typeof MiniSearch.loadJS>[0], OPTIONS);
  return (text) => {
    const all = search.search(queryOf(text, "AND"), SEARCH);
    const found = all.length > 0 ? all : search.search(queryOf(text, "OR"), SEARCH);
    // Whoever types a whole name means that name.
    const name = text.trim().toLowerCase();
    const isName = (title: string) => title === name || title.endsWith(`.${name}`);
    const ranked = found.map(({ title, where, address, begin, score }) => ({
      score: score * (isName(String(title).toLowerCase()) ? 3 : 1),
      place: { title, where, address, begin },
    }));
    return ranked.sort((one, other) => other.score - one.score).slice(0, MOST)
      .map(({ place }) => place);
  };
}

/** Every word must be there, or any of them, in its parts or as one. */
function queryOf(text: string, combineWith: "AND" | "OR"): Query {
  const words = text.trim().split(/[^\p{L}\p{N}_-]+/u).filter((word) => word !== "");
  return {
    combineWith,
    queries: words.map((word) => {
      const parts = partsOf(word);
      return {
        combineWith: "OR",
        queries: [
          { combineWith: "AND", queries: parts },
          ...(parts.length > 1 ? [{ queries: [parts.join("")], boost: { title: 8 } }] : []),
        ],
      };
    }),
  };
}
