/**
 * The pages of this repository's documents, and of the files that they point at.
 *
 * @module
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { extname, join, posix } from "node:path";
import { groups, headingOf, nameOf, pageOf, root, textOf } from "./files.ts";
import type { Page } from "./frame/frame.ts";
import { escape, relative } from "./html.ts";
import { codeBlock } from "./markdown/highlight.ts";
import { type Links, render } from "./markdown/markdown.ts";
import type { Searched } from "./reference/pages.ts";
import type { Names } from "./reference/symbols.ts";

/** Pictures are copied to where they are in this repository. */
const PICTURES: readonly string[] = [".svg", ".png"];

/** Names of code that no document means as ours. */
const COMMON: readonly string[] = ["Rule"];

/** The documents' pages; it notes the files and the pictures that they point at. */
export class Documents {
  readonly pictures = new Set<string>();
  readonly #files = new Set<string>();
  readonly #known: ReadonlySet<string> = new Set(groups().flatMap(({ documents }) => documents));
  readonly #names: Names;

  constructor(names: Names) {
    this.#names = names;
  }

  /** The page of each document. */
  pages(): Searched[] {
    return [...this.#known].map((document) => {
      const path = pageOf(document);
      const { html, headings, sections } = render(textOf(document), {
        links: this.#links(document, path),
      });
      const title = nameOf(document);
      const parts = headings.filter(({ level }) => level === 2 || level === 3)
        .map(({ level, anchor, text }) => ({ anchor, text, deep: level === 3 }));
      const places = sections.filter(({ heading, text }) => heading !== undefined || text !== "")
        .map(({ heading, text }) => ({
          title: heading?.text ?? title,
          where: title,
          address: heading === undefined || heading.level === 1
            ? path
            : `${path}#${heading.anchor}`,
          text,
        }));
      const heading = document === "README.md" ? "nfqueue" : headingOf(document);
      return { page: { path, title: heading, html, parts }, places };
    });
  }

  /** The pages of files and folders that documents point at. A folder's page names what is in it. */
  files(): Page[] {
    const pages = new Map<string, Page>();
    for (const file of this.#files) pages.set(file, this.#page(file));
    return [...pages.values()];
  }

  #page(file: string): Page {
    const path = this.#pageOf(file);
    const heading = `<h1><code>${escape(file)}</code></h1>\n`;
    if (!statSync(join(root, file)).isDirectory()) {
      const language = extname(file).slice(1) || "text";
      return { path, title: file, html: heading + codeBlock(textOf(file), language), parts: [] };
    }
    const entries = readdirSync(join(root, file)).sort().map((name) => posix.join(file, name));
    const links = entries.map((entry) =>
      `<li><a href="${escape(relative(path, this.#pageOf(entry)))}"><code>${
        escape(posix.basename(entry))
      }</code></a></li>`
    );
    return { path, title: file, html: `${heading}<ul>\n${links.join("\n")}\n</ul>\n`, parts: [] };
  }

  /** Where a file of this repository is in the site; notes that it must be there. */
  #pageOf(path: string): string {
    const file = path.replace(/\/$/, "");
    if (this.#known.has(file)) return pageOf(file);
    if (PICTURES.includes(extname(file))) {
      this.pictures.add(file);
      return file;
    }
    if (!existsSync(join(root, file))) return file;
    this.#files.add(file);
    const isFolder = statSync(join(root, file)).isDirectory();
    return isFolder ? `files/${file}/index.html` : `files/${file}.html`;
  }

  #links(document: string, page: string): Links {
    return {
      address: (link) => {
        if (/^[a-z][a-z+.-]*:/.test(link) || link.startsWith("#")) return link;
        const [path = "", anchor] = link.split("#");
        const target = this.#pageOf(posix.join(posix.dirname(document), path));
        return relative(page, anchor === undefined ? target : `${target}#${anchor}`);
      },
      name: (code) => {
        const found = COMMON.includes(code) ? undefined : this.#names.find(code);
        return found === undefined ? undefined : relative(page, found);
      },
    };
  }
}
