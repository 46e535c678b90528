/**
 * Text as HTML.
 *
 * @module
 */

import { posix } from "node:path";

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" },
};

/** A text for the inside of an element or an attribute. */
export function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

/** What a person reads of a piece of HTML that this site made. */
export function plainText(html: string): string {
  const text = html.replace(/<[^>]*>/g, "");
  return text.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => PLAIN[entity] ?? entity);
}

const PLAIN: Readonly<Record<string, string>> = {
  ...{ "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" },
};

/** The way from one page of the site to another, both by their paths in it. */
export function relative(from: string, to: string): string {
  const [path = "", anchor] = to.split("#");
  const there = path === from ? "" : posix.relative(posix.dirname(from), path);
  return anchor === undefined ? there || posix.basename(from) : `${there}#${anchor}`;
}

/** `name`, or with a number behind it where that name is taken; the name is taken then. */
export function unused(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 1; taken.has(free); number++) free = `${name}-${number}`;
  taken.add(free);
  return free;
}
