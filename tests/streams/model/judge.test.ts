// The judge of the model test, judged itself: connections through bad ways always end well, and a middle
// that does something wrong is always found out.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Middle, play, UNTOUCHED } from "../../support/tcp/connection.ts";
import { runs } from "../../support/runtime/quick.ts";
import { faultOf } from "./verdict.ts";
import { connectionOf, type Scenario, scenarios } from "./scenario.ts";
import { MUTANTS, shifted } from "./mutants.ts";

const limit = { timeout: 60_000 };

function judged(scenario: Scenario, middle: Middle): string | undefined {
  const options = connectionOf(scenario, middle);
  const [fromClient, fromServer] = options.data;
  return faultOf(play(options), { fromClient, fromServer });
}

test("judge: two ends and bad ways agree, whatever is lost, doubled or swapped", limit, () => {
  fc.assert(
    fc.property(scenarios, (scenario) => assert.equal(judged(scenario, UNTOUCHED), undefined)),
    { numRuns: runs(150) },
  );
});

test(
  "judge: initial numbers that are shifted in the middle, and translated, are no fault",
  limit,
  () => {
    fc.assert(
      fc.property(scenarios, (scenario) => assert.equal(judged(scenario, shifted({})), undefined)),
      { numRuns: runs(80) },
    );
  },
);

for (const [name, { middle, told, least }] of Object.entries(MUTANTS)) {
  test(`judge: finds a middle that ${name}`, limit, () => {
    const found: string[] = [];
    const random = fc.sample(scenarios, { numRuns: 60, seed: 14 });
    for (const scenario of random) {
      const fault = judged(scenario, middle());
      if (fault !== undefined) found.push(fault);
    }
    assert.ok(found.length >= least, `found in ${found.length} of ${random.length} connections`);
    assert.ok(found.some((fault) => told.test(fault)), found.slice(0, 5).join("\n"));
  });
}
