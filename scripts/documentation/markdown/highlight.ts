/**
 * Colours for code, as classes.
 *
 * @module
 */

import highlighter from "highlight.js/lib/common";
import nginx from "highlight.js/lib/languages/nginx";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import { escape } from "../html.ts";

highlighter.registerLanguage("nginx", nginx);
highlighter.registerLanguage("dockerfile", dockerfile);

/** Languages that documents name by another name than the highlighter. */
const ALIASES: Readonly<Record<string, string>> = { unit: "ini", text: "plaintext" };

/**
 * @param about what stands behind the three backquotes: `ts no-eval`
 * @returns a block of code as HTML; a language that is not known has no colours
 */
export function codeBlock(code: string, about: string): string {
  const [word = ""] = about.trim().split(/\s/);
  const language = ALIASES[word] ?? word;
  const known = highlighter.getLanguage(language) !== undefined;
  const html = known ? highlighter.highlight(code, { language }).value : escape(code);
  return `<div class="code"><pre><code class="${escape(word)}">${html}</code></pre></div>\n`;
}
