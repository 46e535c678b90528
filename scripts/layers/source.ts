/** A source as scripts/check_layers.ts reads it: text, not a syntax tree. */

/**
 * The source with comments and the insides of strings, templates and regular expressions replaced
 * by spaces. Offsets and line breaks stay; code inside `${…}` stays.
 */
export function blank(source: string): string {
  const out = source.split("");
  const erase = (from: number, to: number) => {
    for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " ";
  };
  /** Brace depths at which a template's `${` was opened. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  /** The last thing before a slash decides whether it divides or opens a regular expression. */
  let before = "";

  const quoted = (open: number, close: string) => {
    let end = open + 1;
    while (end < source.length && source[end] !== close) {
      if (source[end] === "\\") end++;
      else if (close === "`" && source.startsWith("${", end)) {
        erase(open + 1, end);
        templates.push(depth++);
        return end + 2;
      }
      end++;
    }
    erase(open + 1, Math.min(end, source.length));
    return end + 1;
  };
  const regularExpression = (open: number) => {
    let end = open + 1;
    let inClass = false;
    while (end < source.length && source[end] !== "\n" && (inClass || source[end] !== "/")) {
      if (source[end] === "\\") end++;
      else if (source[end] === "[") inClass = true;
      else if (source[end] === "]") inClass = false;
      end++;
    }
    erase(open + 1, Math.min(end, source.length));
    return end + 1;
  };
  const found = (text: string, from: number) => {
    const end = source.indexOf(text, from);
    return end < 0 ? source.length : end;
  };

  while (at < source.length) {
    const character = source[at] ?? "";
    if (source.startsWith("//", at)) {
      const end = found("\n", at);
      erase(at, end);
      at = end;
      continue;
    }
    if (source.startsWith("/*", at)) {
      const end = Math.min(found("*/", at + 2) + 2, source.length);
      erase(at, end);
      at = end;
      continue;
    }
    if (/\s/.test(character)) {
      at++;
      continue;
    }
    if (character === "'" || character === '"' || character === "`") {
      at = quoted(at, character);
      before = '"';
      continue;
    }
    if (character === "/" && !/^(?:[\w$)\]}"]+)$/.test(before)) {
      at = regularExpression(at);
      before = '"';
      continue;
    }
    if (character === "{") depth++;
    if (character === "}" && --depth === templates.at(-1)) {
      templates.pop();
      at = quoted(at, "`");
      before = '"';
      continue;
    }
    const word = /^[\w$]+/.exec(source.slice(at, at + 80))?.[0] ?? character;
    before = /^(?:return|typeof|case|in|of|void|throw|yield|await|else|do)$/.test(word) ? "" : word;
    at += word.length;
  }
  return out.join("");
}

/** Every module a source names: imports, re-exports, dynamic imports, import types, built-ins. */
export function specifiers(source: string, code: string): { name: string; at: number }[] {
  const pattern =
    /\b(?:from|import)\s*(["'])|\b(?:import|getBuiltinModule)\s*\(\s*(["'])|\bnew\s+URL\s*\(\s*(["'])/g;
  return [...code.matchAll(pattern)].map((match) => {
    const start = match.index + match[0].length;
    const quote = match[1] ?? match[2] ?? match[3] ?? '"';
    const name = source.slice(start, source.indexOf(quote, start));
    // A URL names a module only when it is one, such as a worker's.
    return { name: match[3] && !/^\.{1,2}\/.*\.ts$/.test(name) ? "" : name, at: match.index };
  }).filter(({ name }) => name !== "");
}
