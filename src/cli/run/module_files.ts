// The files that a module is made of: itself, and what it imports from beside it. Packages and addresses
// are not looked at.
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Behind `from`, `import` and `import(`: a path. What only looks so, in a comment, does no harm. */
const IMPORTS = /\b(?:from|import)\s*\(?\s*(["'])((?:\.{1,2}\/|\/|file:)[^"'\n]+)\1/g;
/** Bun finds files without their endings. */
const ENDINGS = [
  "",
  ".ts",
  ".tsx",
  ".mts",
  ".js",
  ".mjs",
  ".cjs",
  ".json",
  "/index.ts",
  "/index.js",
];
const MOST_FILES = 1000;

/** What tells a file from the same file before a change; undefined where there is none. */
export function stampOf(path: string): string | undefined {
  try {
    const { mtimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return undefined;
  }
}

function importsOf(path: string): readonly string[] {
  // Reading a device or a pipe might not end.
  if (!isFile(path)) return [];
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(IMPORTS)].flatMap(([, , specifier = ""]) => {
    const [plain = ""] = specifier.split(/[?#]/);
    const at = plain.startsWith("file:") ? pathOf(plain) : resolve(dirname(path), plain);
    const found = at && ENDINGS.map((ending) => at + ending).find(isFile);
    // One that is missing is looked for too: it may come.
    return found || at || [];
  });
}

function pathOf(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

/** Whether it is a regular file, behind whatever links. */
export function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The files, the module's own first. */
export function filesOf(path: string): readonly string[] {
  const files = new Set([path]);
  for (const file of files) {
    for (const next of importsOf(file)) if (files.size < MOST_FILES) files.add(next);
  }
  return [...files];
}
