// The site: every link leads somewhere, nothing comes from elsewhere, and the search finds what people ask.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "../../scripts/documentation/files.ts";
import { checkLinks } from "../../scripts/documentation/links.ts";
import { searchIn } from "../../scripts/documentation/search/query.ts";
import { buildSite, type Built } from "../../scripts/documentation/site.ts";
import { isBun } from "../support/runtime/child.ts";

const timeout = 60_000;
const once = isBun ? { timeout, skip: "it is built in the tests under Deno" } : { timeout };
const browser = spawnSync("chromium", ["--version"], { encoding: "utf8" });
const inBrowser = isBun
  ? "it is done in the tests under Deno"
  : browser.status !== 0
  ? "there is no chromium here"
  : false;

/** A folder with these files, which goes away when disposed. */
function folderWith(files: Readonly<Record<string, string>>): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "nfqueue-site-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("the check of links finds each kind of fault", { timeout }, () => {
  using site = folderWith({
    "index.html": `<main id="a"><a href="one/two.html#b">x</a><a href="one/two.html#c">x</a>
      <a href="one">folder</a><a href="nothing.html">x</a><a href="#a">x</a><a href="#z">x</a>
      <img src="//example/picture.png"><script src="https://example/x.js"></script>
      <a href="https://example/">x</a></main>`,
    "one/two.html": `<p id="b"></p><a id="b" href="../index.html">x</a><img src="../missing.svg">`,
    "style.css": `p { background: url(https://example/x.png) }`,
  });
  const { dead, outside, twice, elsewhere, pages } = checkLinks(site.path);
  assert.deepEqual(dead, [
    ...["index.html: one/two.html#c", "index.html: one", "index.html: nothing.html"],
    ...["index.html: #z", "one/two.html: ../missing.svg"],
  ]);
  assert.deepEqual(outside, [
    ...["index.html: //example/picture.png", "index.html: https://example/x.js"],
    "style.css: url(https://example/x.png)",
  ]);
  assert.deepEqual([twice, elsewhere, pages], [
    ["one/two.html#b"],
    ["index.html: https://example/"],
    2,
  ]);
});

describe("the site", { skip: isBun && "it is built in the tests under Deno" }, () => {
  const folder = folderWith({});
  let built: Built;
  const text = (path: string) => readFileSync(join(folder.path, path), "utf8");
  const pages = () =>
    readdirSync(folder.path, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".html"));

  before(() => {
    const { DENO: deno, BUN: bun } = process.env;
    if (deno === undefined || bun === undefined) throw new Error("run through scripts/test");
    built = buildSite(folder.path, { deno, bun });
  });
  after(() => folder[Symbol.dispose]());

  test("every link leads somewhere", once, () => {
    const { dead, twice, links, anchors } = built;
    assert.deepEqual({ dead, twice }, { dead: [], twice: [] });
    assert.ok(links > 10_000 && anchors > 2000, `${links} links, ${anchors} anchors`);
  });

  test("every document and every public name has a page", once, () => {
    const have = new Set(pages());
    for (const folder of ["", "docs/"]) {
      const names = readdirSync(join(root, folder)).filter((name) => name.endsWith(".md"));
      for (const name of names.filter((name) => name !== "README.md")) {
        assert.ok(have.has(folder + name.replace(/\.md$/, ".html")), name);
      }
    }
    const wanted = {
      nfqueue: ["PacketQueue", "RuleSet", "defineFilter", "Verdict"],
      packet: ["buildPacket", "WireError"],
      testing: ["testKernel"],
    };
    for (const [entry, names] of Object.entries(wanted)) {
      const index = text(`api/${entry}/index.html`);
      for (const name of names) assert.match(index, new RegExp(`<code>${name}</code></a>`));
    }
    assert.ok(have.size > 400, `${have.size} pages`);
  });

  test("nothing comes from elsewhere, and no page may ask for it", once, () => {
    assert.deepEqual(built.outside, []);
    for (const page of pages()) {
      const html = text(page);
      assert.match(html, /http-equiv="Content-Security-Policy" content="default-src 'none';/, page);
      // What the policy forbids would be no page that works.
      assert.doesNotMatch(html, /<style|\sstyle="|<script(?! src=")|\son\w+="/, page);
    }
  });

  test("names lead to the reference", once, () => {
    assert.match(
      text("docs/rules.html"),
      /<a href="\.\.\/api\/nfqueue\/RuleSet\.html"><code>RuleSet<\/code><\/a>/,
    );
    const page = text("api/nfqueue/PacketQueue.html");
    assert.match(page, /open\(number: number, options\?: <a href="PacketQueueOptions\.html">/);
    assert.match(page, /<a href="PacketQueue\.html#close"><code>close\(\)|href="#close"/);
  });

  test("the search finds what people ask", once, () => {
    const script = text("assets/search-index.js");
    const search = searchIn(JSON.parse(script.slice(script.indexOf("{"), -2)));
    const expected = [
      ["fail-open", "PacketQueueOptions.failOpen"],
      ["failOpen", "PacketQueueOptions.failOpen"],
      ["ENOBUFS", "PacketQueueOptions.reportOverruns"],
      ["mark", "Packet.mark"],
      ["packetqueue open", "PacketQueue.open"],
      ["PacketQueue", "PacketQueue"],
      ["buildpacket", "buildPacket"],
      ["drop", "Verdict.Drop"],
      ["rules", "Rules"],
      ["relibility", "Reliability"],
    ] as const;
    for (const [words, title] of expected) {
      const found = search(words).slice(0, 5).map(({ title }) => title);
      assert.ok(found.includes(title), `${words}: ${found.join(", ")}`);
    }
    assert.deepEqual(search("nosuchword"), []);
    for (const { address } of search("verdict")) {
      const [path = "", anchor] = address.split("#");
      assert.ok(anchor === undefined || text(path).includes(`id="${anchor}"`), address);
    }
  });

  test("a browser searches in it, opened as a file", { timeout, skip: inBrowser }, () => {
    const address = pathToFileURL(join(folder.path, "docs/rules.html"));
    address.search = "?q=ENOBUFS";
    using profile = folderWith({});
    const { stdout, stderr } = spawnSync("chromium", [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      ...["--disable-component-update", "--no-first-run", `--user-data-dir=${profile.path}`],
      ...[
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=5000",
        "--enable-logging=stderr",
      ],
      ...["--dump-dom", address.href],
    ], { encoding: "utf8", timeout: 40_000, maxBuffer: 1 << 24 });
    assert.match(
      stdout,
      /<a href="\.\.\/[^"]+" role="option" aria-selected="true"><strong>/,
      stderr,
    );
    assert.match(stdout, /<button type="button">Copy<\/button>/);
    // A refusal by the policy, or an error of a script.
    assert.doesNotMatch(stderr, /CONSOLE/);
  });
});
