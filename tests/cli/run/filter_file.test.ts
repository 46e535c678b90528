// The file of a filter: loading it, loading it again, what is wrong with it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { backend } from "../../../ffi/backend.ts";
import { FilterFile } from "../../../src/cli/run/filter_file.ts";
import { filesOf } from "../../../src/cli/run/module_files.ts";
import { MODULES } from "../../../src/cli/run/package_modules.ts";
import { Child, isBun, isDeno } from "../../support/runtime/child.ts";
import { Workshop } from "./workshop.ts";

const limit = { timeout: 30_000 };

test("every entry of the package is served by its name", limit, async () => {
  const text = readFileSync(new URL("../../../deno.json", import.meta.url), "utf8");
  const { exports } = JSON.parse(text) as { exports: Record<string, string> };
  const names = Object.keys(exports).filter((entry) => entry !== "./cli")
    .map((entry) => `@nfqueue/nfqueue${entry.slice(1)}`);
  assert.deepEqual(Object.keys(MODULES).sort(), names.sort());
  for (const { load, url } of Object.values(MODULES)) {
    const module = await load();
    assert.ok(Object.keys(module).length > 0);
    // A template that begins so tells publishing that no import map matters.
    assert.equal(await import(`file://${new URL(url).pathname}`), module);
  }
});

test("what a file imports from beside it is found", limit, () => {
  using workshop = new Workshop();
  const main = workshop.write(
    "main.ts",
    `
import { a } from "./a.ts";
import type { T } from './types.ts';
import "./side.js";
export * from "./folder/b.ts";
import process from "node:process";
import { Verdict } from "@nfqueue/nfqueue";
const late = () => import("./late.ts");
import absolute from "${workshop.path("absolute.ts")}";
import url from "file://${workshop.path("url.ts")}?x=1";
import {
  many,
} from "./many.ts";
import missing from "./missing.ts";
import ending from "./ending";
const text = "from './no.ts";
`,
  );
  for (
    const name of ["a", "types", "late", "absolute", "url", "many", "deep", "ending"]
  ) workshop.write(`${name}.ts`, name === "a" ? 'export * from "./deep.ts"; "./main.ts"' : "");
  workshop.write("side.js", 'import "./main.ts";');
  const names = filesOf(main).map((path) => path.slice(workshop.folder.length + 1)).sort();
  assert.deepEqual(names, [
    ...["a.ts", "absolute.ts", "deep.ts", "ending.ts", "folder/b.ts", "late.ts", "main.ts"],
    ...["many.ts", "missing.ts", "side.js", "types.ts", "url.ts"],
  ]);
});

const ACCEPTS = "export default () => 1;";

/** Texts of files, and what is said of them. */
const WRONG: readonly (readonly [text: string, error: RegExp])[] = [
  ["", /exports no filter by default: `export default defineFilter/],
  ["export const filter = 1;", /exports no filter by default/],
  ["export default 5;", /w\.ts: filter must be an object, got 5/],
  ["export default class { packet() {} }", /w\.ts: filter is a class: give what it makes/],
  ["export default { get packet() { throw null } };", /w\.ts: null$/],
  ["export default { handler() {} };", /filter has no "handler"; it knows it as packet/],
  [
    'export default { packet() {}, rules: [{ hook: "outptu" }] };',
    /rules\[0\]\.hook must be one of .*got "outptu"/,
  ],
  [
    "export default 5 5;",
    /cannot be loaded: .*(Expected[^]*w\.ts[^]*:1:1\d|w\.ts:1\n[^]*Expected)/,
  ],
  ["throw new Error('at the top');", /cannot be loaded: Error: at the top\n.*w\.ts[^\n]*$/],
  ["throw null;", /cannot be loaded: null$/],
  [
    "throw new Proxy({}, { get() { throw 1 } });",
    /cannot be loaded: (something that cannot be|1$)/,
  ],
  ['import "./nope.ts";', /cannot be loaded: .*nope\.ts/],
  [
    'import "@nfqueue/nfqueue/nope";',
    /imports @nfqueue\/nfqueue\/nope, which does not exist; there|Unknown export '\.\/nope'/,
  ],
];

test("a file that is no filter says why, and the next version of it is loaded", limit, async () => {
  using workshop = new Workshop();
  // As the command does: Node's own words for a missing entry leave out which one it is.
  backend().serveModules(MODULES);
  const path = workshop.write("w.ts", ACCEPTS);
  const file = new FilterFile(path);
  assert.equal(typeof await file.load(), "function");
  for (const [text, error] of WRONG) {
    workshop.write("w.ts", text);
    await assert.rejects(file.load(), (thrown: Error) => {
      assert.equal(thrown.name, "FilterFileError", text);
      assert.match(thrown.message, error, text);
      assert.ok(!thrown.message.includes("filter_file.ts"), "no line of our own stack");
      return true;
    });
  }
  workshop.write("w.ts", "export default () => 7;");
  const filter = await file.load();
  assert.equal((filter as () => number)(), 7);
});

test("a name that no import map and no folder knows: what to type", {
  ...limit,
  // The tests' own import map is this package's.
  ...(!isDeno ? {} : { skip: "Deno finds the name by the package's own import map" }),
}, async () => {
  using workshop = new Workshop();
  const file = workshop.write("w.ts", 'import "@nfqueue/nfqueue/packet";');
  // Another test of this process may have had the names served.
  await using child = new Child(new URL("../fixtures/loads_filter.ts", import.meta.url), {
    parameters: [file],
  });
  await child.end();
  assert.match(
    child.output,
    /which is not known there; type in .*: (bun add link:|npm install \/)/,
  );
});

test("a file that is not there: what to do", limit, () => {
  assert.throws(
    () => new FilterFile("/nonexistent/filter.ts"),
    /there is no file "\/nonexistent\/filter\.ts"; nfqueue init .* writes one to start from/,
  );
});

test("a module that is imported is loaded anew, or named", limit, async () => {
  using workshop = new Workshop();
  workshop.write("value.ts", "export const value = 1;");
  const text = 'import { value } from "./value.ts"; export default () => value;';
  const file = new FilterFile(workshop.write("w.ts", text));
  const load = async () => (await file.load() as () => number)();
  assert.equal(await load(), 1);
  assert.deepEqual(file.stale, []);
  const value = workshop.write("value.ts", "export const value = 22;");
  assert.deepEqual(file.stale, isBun ? [] : [value]);
  assert.equal(file.isNews([value]), isBun);
  assert.equal(await load(), isBun ? 22 : 1);
  assert.deepEqual(file.stale, isBun ? [] : [value]);
  // One that was never loaded is loaded as it is.
  workshop.write("other.ts", "export const other = 5;");
  workshop.write("w.ts", text.replace("./value.ts", "./other.ts").replaceAll("value", "other"));
  assert.equal(await load(), 5);
  assert.deepEqual(file.stale, []);
});
