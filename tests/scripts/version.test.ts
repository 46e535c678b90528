// The version stands in three files, and CHANGELOG.md has a chapter for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { VERSION } from "../../src/cli/package/version.ts";

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

test("the version is the same wherever it stands", { timeout: 5000 }, () => {
  for (const file of ["package.json", "deno.json"]) {
    const { version } = JSON.parse(read(file)) as { version: string };
    assert.equal(version, VERSION, `${file} and src/cli/package/version.ts`);
  }
  assert.equal(/^## (\S+)/m.exec(read("CHANGELOG.md"))?.[1], VERSION, "CHANGELOG.md's first");
});

test("deno.json and package.json have the same entries", { timeout: 5000 }, () => {
  const [ofDeno, ofNpm] = ["deno.json", "package.json"].map((file) => {
    const { exports } = JSON.parse(read(file)) as { exports: Record<string, string> };
    return exports;
  });
  assert.deepEqual(ofDeno, ofNpm);
});
