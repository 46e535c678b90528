// Recordings: at each moment the picture shows what the terminal showed, and those of docs/ are small.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Film, type Line } from "../../scripts/recording/film.ts";
import { picture } from "../../scripts/recording/picture.ts";
import { Screen } from "../support/terminal/screen.ts";

const timeout = 10_000;
const size = { columns: 20, rows: 4, longest: 500, apart: 0, together: 10 };
const docs = new URL("../../docs/pictures/", import.meta.url);

/** The text that a film has on its screen at a time. */
function shownAt(film: ReturnType<Film["end"]>, at: number): string {
  const top = film.scrolls.findLast((scroll) => scroll.at <= at)!.rows;
  const rows = Array.from({ length: size.rows }, (_, row) => {
    const line = film.lines.find((line: Line) =>
      line.row === top + row && line.from <= at && at < line.until
    );
    return (line?.runs ?? []).reduce((text, run) => text.padEnd(run.column) + run.text, "");
  });
  return rows.join("\n").trimEnd();
}

const outputs = [
  "first\r\n",
  "  \x1b[1mbold\x1b[0m    and \x1b[31mred\x1b[0m\r\n",
  "status 1",
  "\r\x1b[Ka line above\r\nstatus 2",
  "\r\x1b[Kone more\r\nanother\r\nstatus 3",
  "\r\x1b[K",
  "a line that is longer than a row\r\n",
  "\x1b[2A\rgone back\x1b[K",
];

test("a film shows what the terminal showed, at each moment", { timeout }, () => {
  const film = new Film(size);
  const screen = new Screen(size.columns, size.rows);
  const seen: { at: number; text: string }[] = [];
  for (const [index, output] of outputs.entries()) {
    film.write(output, 1000 + index * 100);
    film.pause(70);
    screen.write(output);
    seen.push({ at: film.now - 70, text: screen.text });
  }
  const ended = film.end();
  for (const { at, text } of seen) assert.equal(shownAt(ended, at), text, `at ${at}`);
  assert.ok(ended.scrolls.length > 2);
});

test("pauses are cut, and lines that came at once come apart", { timeout }, () => {
  const film = new Film({ ...size, apart: 30 });
  film.write("one\r\ntwo\r\nthree\r\n", 0);
  film.write("four", 60_000);
  const { lines } = film.end();
  const times = lines.map(({ runs: [run], from }) => [run?.text, from]);
  // Between: the pause of a minute, as half a second.
  assert.deepEqual(times, [["one", 0], ["two", 30], ["three", 60], ["four", 560]]);
});

test("a picture is text and style alone", { timeout }, () => {
  const film = new Film(size);
  film.write("<script>1</script>&\r\n\x1b[31mred\x1b[0m", 0);
  const svg = picture(film, { ...size, title: "a < b", hold: 1000 });
  assert.match(svg, /&lt;script&gt;1&lt;\/script&gt;&amp;/);
  assert.match(svg, /<tspan [^>]*class="r">red<\/tspan>/);
  assert.match(svg, /aria-label="a &lt; b"/);
  assert.throws(() => {
    const strange = new Film(size);
    strange.write("\x1b[7mreversed", 0);
    picture(strange, { ...size, title: "", hold: 1 });
  }, /no colour for 7/);
});

test("the pictures of docs/ are small, and need nothing else", { timeout }, () => {
  const names = readdirSync(docs).filter((name) => name.endsWith(".svg"));
  assert.deepEqual(names.sort(), ["demo.svg", "run.svg"]);
  const readme = readFileSync(new URL("../../README.md", docs), "utf8");
  for (const name of names) {
    const svg = readFileSync(new URL(name, docs), "utf8");
    assert.ok(svg.length < 80_000, `${name}: ${svg.length} bytes`);
    assert.doesNotMatch(svg, /<script|<image|<foreignObject|href=|url\(|@import|\son\w+=/i);
    assert.match(svg, /prefers-color-scheme:dark/);
    assert.match(svg, /prefers-reduced-motion:reduce/);
    assert.match(svg, /@keyframes/);
    // Every element that begins ends.
    const open: string[] = [];
    for (
      const [, end, tag = "", empty] of svg.matchAll(/<(\/?)([a-z]+)(?:[^>"]|"[^"]*")*?(\/?)>/g)
    ) {
      if (end === "/") assert.equal(open.pop(), tag, name);
      else if (empty !== "/") open.push(tag);
    }
    assert.deepEqual(open, [], name);
    assert.ok(readme.includes(`docs/pictures/${name}`), `README.md shows ${name}`);
  }
});
