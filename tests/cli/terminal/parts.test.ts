// Small things that commands show in terminals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { shortNumber } from "../../../src/cli/terminal/numbers.ts";
import { sparkLine } from "../../../src/cli/terminal/spark.ts";
import { painter } from "../../../src/cli/terminal/style.ts";

const LIMIT = { timeout: 30_000 } as const;

test("numbers are short, whatever their size", LIMIT, () => {
  const cases: readonly (readonly [number, string])[] = [
    ...[[0, "0"], [0.04, "0"], [0.5, "0.5"], [1, "1"], [9.94, "9.9"], [9.96, "10"]] as const,
    ...[[12.4, "12"], [999, "999"], [999.6, "1k"], [1000, "1k"], [1234, "1.2k"]] as const,
    ...[[99_500, "100k"], [999_999, "1M"], [4_294_967_295, "4.3G"], [1e15, "1000T"]] as const,
  ];
  for (const [value, text] of cases) assert.equal(shortNumber(value), text, `${value}`);
});

test("a spark line shows the last numbers that fit", LIMIT, () => {
  assert.equal(sparkLine([0, 1, 4, 8], 10), "▁▂▅█");
  assert.equal(sparkLine([9, 0, 0.001, 7], 3), "▁▂█");
  assert.equal(sparkLine([0, 0], 5), "▁▁");
  assert.equal(sparkLine([], 5), "");
  assert.equal(sparkLine([1, 2], 0), "");
  assert.equal(sparkLine([1, 2], -3), "");
});

test("without colours text is as it was", LIMIT, () => {
  assert.equal(painter(false)("text", "red"), "text");
  assert.equal(painter(true)("text", "red"), "\x1b[31mtext\x1b[0m");
});
