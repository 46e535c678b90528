/**
 * Builds the site: documents, reference, search.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Documents } from "./documents.ts";
import { groups, nameOf, pageOf, root } from "./files.ts";
import { frame, type Navigation, type Page } from "./frame/frame.ts";
import { type Checked, checkLinks } from "./links.ts";
import { type Entry, readEntries } from "./reference/nodes.ts";
import { entryPage, entryPages, namePages } from "./reference/pages.ts";
import { Names } from "./reference/symbols.ts";
import { indexOf, type Place } from "./search/query.ts";

/** The programs that it needs. */
export interface Programs {
  readonly deno: string;
  readonly bun: string;
}

/** What was built. */
export interface Built extends Checked {
  /** Places that the search knows. */
  readonly places: number;
}

/** As deno.json names it; where nobody would know what a dot is, the package. */
const shortName = ({ name, specifier }: Entry) => name === "." ? specifier : name.slice(1);

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The search's library and our own code in one file, which a browser takes from a file too. */
function bundle(bun: string, outfile: string): void {
  const words = ["build", here("browser/site.js"), "--target", "browser", "--format", "iife"];
  const { status, stderr, error } = spawnSync(bun, [...words, "--minify", "--outfile", outfile], {
    cwd: root,
    encoding: "utf8",
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`bun build: ${stderr}`);
}

/**
 * Writes the site to a folder. What was there is removed first.
 *
 * @returns what was built, and every link that is wrong
 */
export function buildSite(folder: string, { deno, bun }: Programs): Built {
  const names = new Names(readEntries(deno));
  const documents = new Documents(names);
  const searched = [...documents.pages(), ...entryPages(names), ...namePages(names)];
  const pages: Page[] = [...searched.map(({ page }) => page), ...documents.files()];
  const navigation: Navigation = [
    ...groups().map(({ title, documents }) => ({
      title,
      links: documents.map((document) => ({ name: nameOf(document), path: pageOf(document) })),
    })),
    {
      title: "Reference",
      links: names.entries.map((entry) => ({ name: shortName(entry), path: entryPage(entry) })),
    },
  ];
  rmSync(folder, { recursive: true, force: true });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const page of pages) write(page.path, frame(page, navigation));
  const places: Place[] = searched.flatMap(({ places }) => places)
    .map((place, id) => ({ ...place, id }));
  write(
    "assets/search-index.js",
    `globalThis.nfqueueSearchIndex = ${JSON.stringify(indexOf(places))};\n`,
  );
  bundle(bun, join(folder, "assets/site.js"));
  for (
    const [from, to] of [
      ["browser/theme.js", "theme.js"],
      ["browser/style.css", "style.css"],
      ["frame/icon.svg", "icon.svg"],
    ] as const
  ) {
    copyFileSync(here(from), join(folder, "assets", to));
  }
  for (const picture of documents.pictures) {
    mkdirSync(dirname(join(folder, picture)), { recursive: true });
    copyFileSync(join(root, picture), join(folder, picture));
  }
  return { ...checkLinks(folder), places: places.length };
}
