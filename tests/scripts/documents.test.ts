// What the documents point at is there: links, headings, and the files and folders that they name.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const timeout = 10_000;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Names of what is not there yet. The list only gets shorter. */
const COMING: readonly string[] = ["src/cli/"];

const documents = ["", "docs"].flatMap((folder) =>
  readdirSync(join(root, folder)).filter((name) => name.endsWith(".md"))
    .map((name) => posix.join(folder, name))
);

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
