// docs/cookbook.md has every recipe, as its file is.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { cookbookPage } from "../../scripts/make_cookbook.ts";

const limit = { timeout: 10_000 };
const folder = new URL("../../examples/cookbook/", import.meta.url);
const read = (url: URL) => readFileSync(url, "utf8");
const page = read(new URL("../../docs/cookbook.md", import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts")).sort();

test("the page has the code of all recipes", limit, () => {
  assert.ok(files.length >= 30, `${files.length} recipes`);
  assert.equal(cookbookPage(page), page, "run scripts/make_cookbook.ts");
  for (const file of files) {
    const parts = page.split(`](../examples/cookbook/${file})\n\n\`\`\`ts ignore\n`);
    assert.equal(parts.length, 2, `${file} is in the page once`);
    assert.ok(parts[1]!.startsWith(`${read(new URL(file, folder))}\`\`\`\n`), file);
  }
  assert.equal(page.match(/^```ts ignore$/gm)?.length, files.length);
});

test("a change of a recipe, and a recipe that is gone, are noticed", limit, () => {
  assert.equal(cookbookPage(page.replace("const MSS = 1240;", "const MSS = 1;")), page);
  assert.throws(() => cookbookPage(page.replaceAll("clamp_mss", "gone")), /ENOENT|no such file/i);
});

test("the table of contents leads to every recipe", limit, () => {
  const [contents = "", ...sections] = page.split(/^(?=## )/m).slice(1);
  const links = [...contents.matchAll(/\[([^\]]+)\]\(#([^)]+)\)/g)];
  const headings = sections.flatMap((section) =>
    [...section.matchAll(/^###? (.+)$/gm)].map(([, title]) => title)
  );
  assert.deepEqual(links.map(([, title]) => title), headings);
  for (const [, title = "", anchor] of links) {
    assert.equal(anchor, title.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"));
  }
  assert.match(page, /^Forty-two filters/m);
  assert.equal(files.length, 42);
});

test("a recipe is 8 to 42 lines, and says first what it does", limit, () => {
  for (const file of files) {
    const lines = read(new URL(file, folder)).trimEnd().split("\n");
    assert.ok(lines.length >= 8 && lines.length <= 42, `${file}: ${lines.length} lines`);
    assert.match(lines[0]!, /^\/\/ [A-Z]/, file);
  }
});
