/**
 * Markdown as the HTML of one page: headings with anchors, links within the site, coloured code.
 *
 * @module
 */

import MarkdownIt from "markdown-it";
import { escape, unused } from "../html.ts";
import { codeBlock } from "./highlight.ts";

/** A heading of a page. */
export interface Heading {
  readonly level: number;
  readonly anchor: string;
  readonly text: string;
}

/** A part of a page, from one heading to the next, as text. */
export interface Section {
  readonly heading: Heading | undefined;
  readonly text: string;
}

/** A text of Markdown, made. */
export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
  readonly sections: readonly Section[];
}

/** Where the links of a text lead. */
export interface Links {
  /** The address of a link as it stands in the text, seen from the page. */
  address(link: string): string;
  /** The address of what `code` names; undefined where it names nothing of ours. */
  name(code: string): string | undefined;
}

interface Environment {
  /** What the parser notes. */
  [name: PropertyKey]: unknown;
  readonly links: Links;
  readonly anchors: Set<string>;
  readonly headings: Heading[];
  /** Headings begin at this level. */
  readonly shift: number;
  inLink: boolean;
}

/** As the code host makes anchors of headings, so that links between documents work in both. */
function anchorOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-");
}

const markdown = new MarkdownIt({ html: true });
const { rules } = markdown.renderer;
const own = (env: unknown) => env as Environment;
const plain = markdown.renderer.renderToken.bind(markdown.renderer);

rules.heading_open = (tokens, index, options, env) => {
  const token = tokens[index]!;
  const text = (tokens[index + 1]?.children ?? []).map(({ content }) => content).join("");
  const anchor = unused(anchorOf(text), own(env).anchors);
  const level = Number(token.tag.slice(1));
  own(env).headings.push({ level, anchor, text });
  token.tag = `h${Math.min(6, level + own(env).shift)}`;
  token.attrSet("id", anchor);
  return plain(tokens, index, options);
};
rules.heading_close = (tokens, index, options, env) => {
  const token = tokens[index]!;
  token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + own(env).shift)}`;
  const { anchor } = own(env).headings.at(-1)!;
  return ` <a class="anchor" href="#${anchor}" aria-label="Link to this part">#</a>${
    plain(tokens, index, options)
  }`;
};
rules.link_open = (tokens, index, options, env) => {
  const token = tokens[index]!;
  own(env).inLink = true;
  token.attrSet("href", own(env).links.address(String(token.attrGet("href"))));
  return plain(tokens, index, options);
};
rules.link_close = (tokens, index, options, env) => {
  own(env).inLink = false;
  return plain(tokens, index, options);
};
rules.image = (tokens, index, _options, env) => {
  const token = tokens[index]!;
  const source = own(env).links.address(String(token.attrGet("src")));
  return `<img src="${escape(source)}" alt="${escape(token.content)}" loading="lazy">`;
};
rules.code_inline = (tokens, index, _options, env) => {
  const { content } = tokens[index]!;
  const code = `<code>${escape(content)}</code>`;
  const address = own(env).inLink ? undefined : own(env).links.name(content);
  return address === undefined ? code : `<a href="${escape(address)}">${code}</a>`;
};
rules.fence = (tokens, index) => codeBlock(tokens[index]!.content, tokens[index]!.info);
rules.code_block = (tokens, index) => codeBlock(tokens[index]!.content, "");
// The site's policy knows no styles in the text, so a column's side is a class.
rules.th_open = rules.td_open = (tokens, index, options) => {
  const token = tokens[index]!;
  const side = /^text-align:(\w+)$/.exec(String(token.attrGet("style") ?? ""))?.[1];
  token.attrs = side === undefined ? [] : [["class", side]];
  return plain(tokens, index, options);
};
rules.table_open = () => `<div class="wide"><table>\n`;
rules.table_close = () => "</table></div>\n";

/** Where HTML in a text names a picture or a link. */
const ATTRIBUTES = /\b(src|srcset|href)="([^"]+)"/g;
const html = (text: string, { links }: Environment) =>
  text.replace(ATTRIBUTES, (_, name, address) => `${name}="${escape(links.address(address))}"`);
rules.html_block = (tokens, index, _options, env) => html(tokens[index]!.content, own(env));
rules.html_inline = (tokens, index, _options, env) => html(tokens[index]!.content, own(env));

/** The text between headings, as one may search in it. */
function sectionsOf(tokens: ReturnType<typeof markdown.parse>, headings: readonly Heading[]) {
  const sections: { heading: Heading | undefined; words: string[] }[] = [
    { heading: undefined, words: [] },
  ];
  for (const [at, token] of tokens.entries()) {
    const isHeading = tokens[at - 1]?.type === "heading_open";
    if (isHeading) sections.push({ heading: headings[sections.length - 1], words: [] });
    else if (token.type === "inline") {
      sections.at(-1)!.words.push((token.children ?? []).map(({ content }) => content).join(" "));
    } else if (token.type === "fence") sections.at(-1)!.words.push(token.content);
  }
  return sections.map(({ heading, words }) => ({ heading, text: words.join(" ") }));
}

/**
 * @param anchors those of the page that are taken already; it takes more
 * @param shift what is added to the level of each heading. Default 0.
 */
export function render(
  text: string,
  { links, anchors = new Set(), shift = 0 }: {
    readonly links: Links;
    readonly anchors?: Set<string>;
    readonly shift?: number;
  },
): Rendered {
  const env: Environment = { links, anchors, headings: [], shift, inLink: false };
  const tokens = markdown.parse(text, env);
  const made = markdown.renderer.render(tokens, markdown.options, env);
  return { html: made, headings: env.headings, sections: sectionsOf(tokens, env.headings) };
}

/** One paragraph, without its element. */
export function renderLine(text: string, links: Links): string {
  const env: Environment = { links, anchors: new Set(), headings: [], shift: 0, inLink: false };
  return markdown.renderInline(text, env);
}
