// What the documents point at is there: links, headings, and the files and folders that they name.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseRule } from "../../src/cli/words/rule_words.ts";
import { checkRule } from "../../src/rules/rule/checked_rule.ts";

const timeout = 10_000;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Names of what is not there yet. The list only gets shorter. */
const COMING: readonly string[] = ["src/cli/"];

/** Folders that are none of ours, or made anew by a script. */
const FOREIGN: readonly string[] = ["node_modules", "npm", ".git"];

/** Every document, in whichever folder. */
function documentsBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.includes(entry.name) ? [] : documentsBelow(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}
const documents = documentsBelow("");

/** Without the blocks of code, in which nothing points anywhere. */
function textOf(document: string): string {
  return readFileSync(join(root, document), "utf8").replace(/^```.*?^```/gms, "");
}

/** As GitHub makes the addresses of headings. */
function headingsOf(document: string): string[] {
  return [...textOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

test("every link of a document leads somewhere", { timeout }, () => {
  const broken: string[] = [];
  let links = 0;
  for (const document of documents) {
    for (const [, link = ""] of textOf(document).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      links++;
      const [path = "", heading] = link.split("#");
      const target = path === "" ? document : posix.join(posix.dirname(document), path);
      if (!existsSync(join(root, target))) broken.push(`${document}: ${link}`);
      else if (heading !== undefined && !headingsOf(target).includes(heading)) {
        broken.push(`${document}: ${link}`);
      }
    }
  }
  assert.ok(links > 20, `only ${links} links were found`);
  assert.deepEqual(broken, []);
});

test("every file and folder that a document names is there", { timeout }, () => {
  const paths = ["src", "ffi", "tests", "scripts", "examples", "docs"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).map((entry) => {
      const path = posix.join("/", entry.parentPath.slice(root.length), entry.name);
      return entry.isDirectory() ? `${path}/` : path;
    })
  );
  const top = readdirSync(root, { withFileTypes: true })
    .map((entry) => `/${entry.name}${entry.isDirectory() ? "/" : ""}`);
  const all = [...top, ...paths];
  const missing: string[] = [];
  let names = 0;
  for (const document of documents) {
    for (const [, name = ""] of textOf(document).matchAll(/`([^`\n]+)`/g)) {
      // A file with its ending, a folder, or a path below one of ours.
      if (
        !/^[\w./-]+\.(?:ts|md|json)$|^[\w/]+\/$|^(?:src|ffi|tests|scripts|docs)\/[\w/]+$/.test(name)
      ) continue;
      names++;
      const end = posix.join("/", name);
      const there = all.some((path) => path.endsWith(end) || path.endsWith(`${end}/`));
      if (!there && !COMING.includes(name)) missing.push(`${document}: ${name}`);
    }
  }
  assert.ok(names > 100, `only ${names} names were found`);
  assert.deepEqual(missing, []);
});

test("README leads to every page of docs/, in two steps at most", { timeout }, () => {
  const linksOf = (document: string) =>
    [...textOf(document).matchAll(/\]\(([^):#]+\.md)/g)]
      .map(([, link = ""]) => posix.join(posix.dirname(document), link));
  const first = linksOf("README.md");
  const found = new Set([...first, ...first.flatMap(linksOf)]);
  const lost = documents.filter((name) => name.startsWith("docs/") && !found.has(name));
  assert.deepEqual(lost, []);
});

test("every rule in words that a document shows is one", { timeout }, () => {
  let rules = 0;
  for (const document of documents) {
    const text = readFileSync(join(root, document), "utf8");
    const shown = [
      ...text.matchAll(/--rule '([^'\n]+)'/g),
      ...text.matchAll(/\| `((?:prerouting|input|forward|output|postrouting)[ ,][^`|]*=[^`|]*)` /g),
    ];
    for (const [, words = ""] of shown) {
      rules++;
      const { queue = 0, ...rule } = parseRule(words);
      checkRule({ queue, ...rule }, `${document}: ${words}: `);
    }
  }
  assert.ok(rules > 20, `only ${rules} rules were found`);
});
