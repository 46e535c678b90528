// The fuzzer on targets that are broken on purpose: each fault is found, shrunk, and can be repeated.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "../../scripts/fuzzing/process.ts";
import type { Failure, Report, Row } from "../../scripts/fuzzing/report.ts";
import { isBun, isNode } from "../support/runtime/child.ts";

const runtime = isBun ? "bun" : "deno";
const skip = isNode ? "what is fuzzed runs by Deno and Bun" : false;
const targets = new URL("fixtures/broken_targets.ts", import.meta.url).href;
const base = ["--seed", "7", "--targets", targets];

/** The targets one by one would take as long; those two end the process. */
const LIVING = [
  ...["edit", "reads-outside", "writes-behind", "writes-far", "writes-inside", "undocumented"],
  ...["engine", "slow", "leaks", "sound"],
];

interface Outcome {
  readonly failures: readonly Failure[];
  readonly rows: readonly Row[];
}

/** Under scripts/test DENO and BUN name the runtimes. */
async function run(words: readonly string[], patience?: number): Promise<Outcome> {
  const failures: Failure[] = [];
  const rows: Row[] = [];
  const hear = (report: Report) => {
    if (report.type === "failure") failures.push(report.failure);
    else if (report.type === "end") rows.push(...report.rows);
  };
  const options = { words: [...base, ...words], base, ...(patience && { patience }) };
  await fuzz(runtime, options, hear);
  return { failures, rows };
}

/** The words behind scripts/fuzz, without a shell. */
const split = (words: string): string[] =>
  words.split(" ").map((word) => word.replace(/^'(.*)'$/, "$1"));

const inputOf = (failure: Failure): string => /--input '([^']*)'/.exec(failure.words)?.[1] ?? "";

test("every fault is found and shrunk", { timeout: 180_000, skip }, async () => {
  const only = LIVING.flatMap((name) => ["--only", name]);
  // Six turns of every target: one would leak unseen in fewer.
  const { failures, rows } = await run(["--count", "6000", ...only]);
  const found = (target: string) => failures.filter((failure) => failure.target === target);

  const edits = found("edit");
  const thrown = edits.find(({ kind }) => kind === "changed after a throw");
  assert.match(thrown?.message ?? "", /Ipv4View\.ttl = 17 threw RangeError: ttl must not be 17/);
  assert.match(thrown?.words ?? "", /--operations 'Ipv4View\.ttl=17'$/);
  const forgotten = edits.find(({ kind }) => kind === "checksum");
  assert.match(forgotten?.words ?? "", /--operations 'Ipv4View\.identification=7'$/);

  /** Target, kind, message, and the smallest input. */
  const expected: readonly (readonly [string, string, RegExp, RegExp])[] = [
    ["reads-outside", "read outside", /depends on what is around/, /^45$/],
    ["writes-behind", "write outside", /next to the input/, /^45000000$/],
    ["writes-far", "write outside", /far from the input/, /^45000000$/],
    ["writes-inside", "write", /changed the bytes/, /^45000000$/],
    ["undocumented", "undocumented error", /SeventhError: seven/, /^00000007$/],
    ["engine", "error of the engine", /RangeError/, /^00000007$/],
    // A busy machine leaves no time to make it the smallest.
    ["slow", "slow", /took \d{2,} ms/, /^.{6}07(?:..){2,}$/],
  ];
  for (const [target, kind, message, input] of expected) {
    const [failure, ...more] = found(target);
    assert.equal(failure?.kind, kind, target);
    assert.match(failure?.message ?? "", message, target);
    assert.match(failure === undefined ? "" : inputOf(failure), input, target);
    assert.deepEqual(more, [], `${target} fails in one way`);
  }
  const [leak] = found("leaks");
  assert.equal(leak?.kind, "memory");
  assert.match(leak?.message ?? "", /^\d{3,} KiB more after each of its turns/);

  assert.deepEqual(found("sound"), []);
  for (const { target, failures, iterations } of rows) {
    assert.ok(iterations > 0, target);
    assert.equal(failures > 0, target !== "sound", target);
  }
  // The words that were printed do it again, and do not where the fault is not.
  const kinds = ["changed after a throw", "read outside", "error of the engine"];
  const repeated = kinds.map((wanted) => failures.find(({ kind }) => kind === wanted)!);
  for (const failure of repeated) {
    const again = await run(split(failure.words));
    assert.deepEqual(again.failures.map(({ kind }) => kind), [failure.kind], failure.words);
  }
  const sound = await run(["--only", "undocumented", "--input", "00000008"]);
  assert.deepEqual(sound.failures, []);
});

test("a process that dies, and one that hangs", { timeout: 120_000, skip }, async () => {
  for (
    const [target, message] of [["dies", /SIGKILL/], ["hangs", /nothing came for 5 s/]] as const
  ) {
    const { failures } = await run(["--only", target, "--count", "5000"], 5000);
    assert.deepEqual(failures.map(({ kind }) => kind), ["crash"], target);
    const [failure] = failures;
    assert.match(failure?.message ?? "", message);
    // The input that it died of is known.
    const input = failure === undefined ? "" : inputOf(failure);
    assert.match(input, /^.{6}07(?:..){2,}$/, `${target}: ${failure?.words}`);
  }
});
