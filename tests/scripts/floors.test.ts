// ARCHITECTURE.md shows the floors to people, scripts/layers/floors.ts to the check: one table.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FLOORS } from "../../scripts/layers/floors.ts";

const timeout = 10_000;

/** The first and the last column of the table whose head is `folder | … | imports`. */
function floorsOf(markdown: string): Record<string, string[]> {
  const [, table = ""] = markdown.split(/^\| folder .*\| imports +\|\n/m);
  const [, ...rows] = table.split(/\n(?!\|)/)[0]!.split("\n");
  return Object.fromEntries(rows.map((row) => {
    const cells = row.split("|").slice(1, -1).map((cell) => cell.trim());
    const names = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    const [folder] = names(cells[0]);
    assert.ok(folder && cells.length === 3, `not a row of the table: ${row}`);
    if (cells[2] !== "nothing") assert.ok(names(cells[2]).length > 0, `imports what? ${row}`);
    return [folder, names(cells[2])];
  }));
}

test("the floors of ARCHITECTURE.md are those that are checked", { timeout }, () => {
  const markdown = readFileSync(new URL("../../ARCHITECTURE.md", import.meta.url), "utf8");
  const sorted = (floors: Readonly<Record<string, readonly string[]>>) =>
    Object.fromEntries(Object.entries(floors).map(([name, below]) => [name, [...below].sort()]));
  assert.deepEqual(sorted(floorsOf(markdown)), sorted(FLOORS));
});
