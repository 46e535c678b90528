/**
 * What the pages are made of: this repository's documents, in the order of the navigation.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

/** This repository. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** Documents that belong together, by their paths. */
export interface Group {
  readonly title: string;
  readonly documents: readonly string[];
}

const ORDER: readonly Group[] = [
  {
    title: "Start",
    documents: [
      ...["README.md", "docs/guide.md", "docs/cookbook.md", "docs/hooks.md"],
      ...["docs/troubleshooting.md", "docs/migrating.md", "docs/security.md"],
    ],
  },
  {
    title: "Use",
    documents: [
      ...["docs/command.md", "docs/rules.md", "docs/reading.md", "docs/editing.md"],
      ...["docs/answers.md", "docs/streams.md", "docs/reliability.md", "docs/testing_filters.md"],
      ...["docs/identify.md", "docs/capture.md", "docs/workers.md", "docs/libipq.md"],
      ...["docs/libnetfilter_queue.md", "docs/benchmarks.md"],
    ],
  },
  {
    title: "How it is made",
    documents: [
      ...["ARCHITECTURE.md", "docs/queue.md", "docs/c_library_faults.md", "docs/testing.md"],
      ...["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
    ],
  },
];

/** Names of documents in the navigation, where their headings are longer. */
const NAMES: Readonly<Record<string, string>> = {
  "README.md": "Read me",
  "CHANGELOG.md": "Changes",
  "SECURITY.md": "Reporting a vulnerability",
};

/** Every document, in groups. One that no group names comes at the end of the second. */
export function groups(): Group[] {
  const found = ["", "docs"].flatMap((folder) =>
    readdirSync(join(root, folder)).filter((name) => name.endsWith(".md"))
      .map((name) => posix.join(folder, name))
  ).sort();
  const known = ORDER.flatMap(({ documents }) => documents);
  const others = found.filter((document) => !known.includes(document));
  return ORDER.map(({ title, documents }, at) => ({
    title,
    documents: [...documents.filter((name) => found.includes(name)), ...(at === 1 ? others : [])],
  }));
}

/** The text of a file of this repository. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** A document's first heading. */
export function headingOf(document: string): string {
  const heading = /^# (.+)$/m.exec(textOf(document))?.[1];
  if (heading === undefined) throw new Error(`${document} has no heading`);
  return heading.replaceAll("`", "");
}

/** What a document is called in the navigation. */
export function nameOf(document: string): string {
  return NAMES[document] ?? headingOf(document);
}

/** The path of a document's page in the site. */
export function pageOf(document: string): string {
  return document === "README.md" ? "index.html" : document.replace(/\.md$/, ".html");
}
