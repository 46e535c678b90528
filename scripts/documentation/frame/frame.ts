/**
 * What every page has around its text: head, navigation, search, contents.
 *
 * @module
 */

import { escape, relative } from "../html.ts";

/** One page, without its frame. */
export interface Page {
  /** Its path in the site. */
  readonly path: string;
  readonly title: string;
  /** The heading and all below it. */
  readonly html: string;
  /** Its parts, for the list beside the text. */
  readonly parts: readonly {
    readonly anchor: string;
    readonly text: string;
    readonly deep: boolean;
  }[];
  /** The pages above it: their names and paths. */
  readonly above?: readonly Link[];
  /** The page that the navigation shows as the one that is open, where it is another. */
  readonly shownAs?: string;
}

/** A name, and the path that it leads to. */
export interface Link {
  readonly name: string;
  readonly path: string;
}

/** The navigation: titles, and what is below them. */
export type Navigation = readonly { readonly title: string; readonly links: readonly Link[] }[];

/** Nothing is loaded from elsewhere, and nothing is sent. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'"],
].join("; ");

const ICONS = {
  menu: "M3 6h18M3 12h18M3 18h18",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
};
const icon = (path: string) =>
  `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;

/** A page with its frame. */
export function frame(page: Page, navigation: Navigation): string {
  const to = (path: string) => escape(relative(page.path, path));
  const anchor = ({ name, path }: Link) => {
    const here = path === (page.shownAs ?? page.path);
    return `<li><a href="${to(path)}"${here ? ' aria-current="page"' : ""}>${
      escape(name)
    }</a></li>`;
  };
  const menu = navigation.map(({ title, links }) =>
    `<h2>${escape(title)}</h2>\n<ul>\n${links.map(anchor).join("\n")}\n</ul>`
  ).join("\n");
  const contents = page.parts.map(({ anchor, text, deep }) =>
    `<li${deep ? ' class="deep"' : ""}><a href="#${escape(anchor)}">${escape(text)}</a></li>`
  ).join("\n");
  const above = (page.above ?? []).map(({ name, path }) =>
    `<a href="${to(path)}">${escape(name)}</a> / `
  ).join("");
  const root = "../".repeat(page.path.split("/").length - 1);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escape(page.title)}${page.path === "index.html" ? "" : " · nfqueue"}</title>
<link rel="icon" href="${root}assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${root}assets/style.css">
<script src="${root}assets/theme.js"></script>
<script src="${root}assets/site.js" defer></script>
</head>
<body data-root="${root}">
<a class="skip" href="#site-text">Skip to the text</a>
<header>
<button type="button" id="site-menu" aria-label="Menu" aria-expanded="false">${
    icon(ICONS.menu)
  }</button>
<a class="name" href="${to("index.html")}">nfqueue</a>
<div id="site-searching" role="search">
<input id="site-search" type="search" placeholder="Search" aria-label="Search" autocomplete="off"
 spellcheck="false" role="combobox" aria-controls="site-results" aria-expanded="false">
<kbd>/</kbd>
<div id="site-results" role="listbox" aria-label="Results" hidden></div>
</div>
<button type="button" id="site-theme" aria-label="Light or dark" title="Light or dark">${
    icon(ICONS.theme)
  }</button>
</header>
<div class="columns">
<nav aria-label="Pages">
${menu}
</nav>
<main id="site-text">
${above === "" ? "" : `<p class="above">${above}</p>\n`}${page.html}
</main>
${
    contents === ""
      ? ""
      : `<aside id="site-contents" aria-label="On this page">\n<h2>On this page</h2>\n<ul>\n${contents}\n</ul>\n</aside>`
  }
</div>
</body>
</html>
`;
}
