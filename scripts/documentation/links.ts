/**
 * Every link of the built site leads to a file and an anchor that are there, and nothing is loaded from
 * elsewhere.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { plainText } from "./html.ts";

/** What was looked at, and what is wrong. */
export interface Checked {
  readonly pages: number;
  readonly links: number;
  readonly anchors: number;
  /** Links that lead nowhere: `docs/rules.html: ../nothing.html`. */
  readonly dead: readonly string[];
  /** What a browser would load from elsewhere. */
  readonly outside: readonly string[];
  /** Anchors that a page has twice. */
  readonly twice: readonly string[];
  /** Links that a reader may follow to other sites. */
  readonly elsewhere: readonly string[];
}

const SCHEME = /^(?:[a-z][a-z+.-]*:|\/\/)/i;

/** The names of all files below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile()).sort();
}

/** Checks a site that was written to a folder. */
export function checkLinks(folder: string): Checked {
  const files = filesBelow(folder);
  const pages = files.filter((name) => name.endsWith(".html"));
  const anchors = new Map<string, Set<string>>();
  const [dead, outside, twice, elsewhere]: string[][] = [[], [], [], []];
  const texts = new Map(pages.map((page) => [page, readFileSync(join(folder, page), "utf8")]));
  for (const [page, text] of texts) {
    const own = new Set<string>();
    for (const [, id = ""] of text.matchAll(/<[^>]*?\sid="([^"]*)"/g)) {
      if (own.has(id)) twice!.push(`${page}#${id}`);
      own.add(id);
    }
    anchors.set(page, own);
  }
  let links = 0;
  for (const [page, text] of texts) {
    for (
      const [, tag = "", attributes = ""] of text.matchAll(/<([a-z][\w-]*)((?:[^>"]|"[^"]*")*)>/g)
    ) {
      for (const [, name, value = ""] of attributes.matchAll(/\s(href|src|srcset)="([^"]*)"/g)) {
        const link = plainText(value);
        links++;
        if (SCHEME.test(link)) {
          (name === "href" && tag === "a" ? elsewhere! : outside!).push(`${page}: ${link}`);
          continue;
        }
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? page : posix.join(posix.dirname(page), path);
        // A folder is no page: where files are opened as files, nothing puts index.html behind it.
        const there = existsSync(join(folder, target)) && statSync(join(folder, target)).isFile();
        if (!there || (anchor && !anchors.get(target)?.has(decodeURIComponent(anchor)))) {
          dead!.push(`${page}: ${link}`);
        }
      }
    }
  }
  for (const style of files.filter((name) => name.endsWith(".css"))) {
    for (
      const [address] of readFileSync(join(folder, style), "utf8").matchAll(
        /url\([^)]*\)|@import[^;]*/g,
      )
    ) {
      outside!.push(`${style}: ${address}`);
    }
  }
  return {
    pages: pages.length,
    links,
    anchors: [...anchors.values()].reduce((sum, { size }) => sum + size, 0),
    ...{ dead: dead!, outside: outside!, twice: twice!, elsewhere: elsewhere! },
  };
}
