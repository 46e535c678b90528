/**
 * Doc comments as HTML.
 *
 * @module
 */

import { escape, relative } from "../html.ts";
import { type Links, render, renderLine } from "../markdown/markdown.ts";
import type { Comment, Tag } from "./nodes.ts";
import type { Names, PublicName } from "./symbols.ts";
import type { Entry } from "./nodes.ts";
import { type Find, typeHtml } from "./types.ts";

/** How names and links of one page of the reference are found. */
export class Writer {
  readonly path: string;
  readonly find: Find;
  readonly links: Links;

  constructor(
    path: string,
    { names, entry, owner }: {
      readonly names: Names;
      readonly entry: Entry;
      readonly owner?: PublicName;
    },
  ) {
    this.path = path;
    const at = { entry, ...(owner === undefined ? {} : { owner }) };
    this.find = (name) => {
      const found = names.find(name, { entry });
      return found === undefined || found === path ? undefined : relative(path, found);
    };
    const named = (code: string) => {
      const found = names.find(code, at);
      return found === undefined || found === path ? undefined : relative(path, found);
    };
    this.links = {
      name: named,
      address: (link) => {
        if (!link.startsWith("name:")) return link;
        const found = names.find(link.slice("name:".length), at);
        if (found === undefined) throw new Error(`${path}: {@link ${link.slice(5)}} names nothing`);
        return relative(path, found);
      },
    };
  }

  /** A comment's text, with its tags below. */
  comment({ doc = "", tags = [] }: Comment): string {
    return this.markdown(doc) + this.#tags(tags);
  }

  markdown(text: string): string {
    return render(withLinks(text), { links: this.links, anchors: new Set(), shift: 3 }).html;
  }

  line(text: string): string {
    return renderLine(withLinks(text.trim()), this.links);
  }

  #tags(tags: readonly Tag[]): string {
    const of = (kind: string) => tags.filter((tag) => tag.kind === kind);
    const rows: string[] = [];
    const add = (name: string, text: string) => rows.push(`<dt>${name}</dt><dd>${text}</dd>`);
    for (const { name = "", doc } of of("param")) {
      if (doc !== undefined) add(`<code>${escape(name)}</code>`, this.line(doc));
    }
    for (const { doc } of of("return")) if (doc !== undefined) add("Returns", this.line(doc));
    for (const { tsType, doc = "" } of of("throws")) {
      const type = tsType === undefined ? "" : `<code>${typeHtml(tsType, this.find)}</code> `;
      add("Throws", type + this.line(doc));
    }
    const list = rows.length === 0 ? "" : `<dl>\n${rows.join("\n")}\n</dl>\n`;
    const remarks = of("unsupported").map(({ value = "" }) =>
      /^@remarks\s+([^]*)$/.exec(value)?.[1]
    )
      .filter((text) => text !== undefined);
    const old = of("deprecated").map(({ doc = "" }) =>
      `<p class="note"><strong>Deprecated.</strong> ${this.line(doc)}</p>\n`
    );
    const examples = of("example").map(({ doc = "" }) => {
      const [title = "", ...rest] = doc.startsWith("```") ? ["", doc] : doc.split("\n");
      const name = title === "" ? "Example" : `Example: ${title}`;
      return `<p class="example">${this.line(name)}</p>\n${this.markdown(rest.join("\n"))}`;
    });
    return old.join("") + remarks.map((text) => this.markdown(text)).join("") + list +
      examples.join("");
  }
}

/** `{@link Name}` and `{@linkcode Name text}` as links of Markdown. */
function withLinks(text: string): string {
  return text.replace(
    /\{@link(?:code|plain)?\s+([^\s}|]+)\s*\|?\s*([^}]*)\}/g,
    (_, name, words) => {
      const shown = words.trim() === "" ? `\`${name}\`` : words.trim();
      return `[${shown}](name:${name})`;
    },
  );
}

/** The first sentence of a comment. */
export function firstSentence({ doc = "" }: Comment): string {
  const [paragraph = ""] = doc.trim().split(/\n\s*\n/);
  const text = paragraph.replaceAll("\n", " ");
  return /^.*?[.:;?!](?=\s+[A-Z`]|$)/.exec(text)?.[0] ?? text;
}
