// The model test of `TcpStreams`: random connections over bad ways, through transforms of every kind, judged
// by a TCP of the tests' own at both ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { QueueMiddle } from "../../support/tcp/queue_middle.ts";
import { runs } from "../../support/runtime/quick.ts";
import { judge, type Rewriting } from "./judged.ts";
import { type Scenario, scenarios } from "./scenario.ts";
import { KINDS } from "./transforms.ts";

const limit = { timeout: 60_000 };

function check(scenario: Scenario, rewriting: Rewriting): void {
  using queue = new QueueMiddle();
  const fault = judge(scenario, rewriting, { queue });
  if (fault === undefined) return;
  const lines: string[] = [];
  using again = new QueueMiddle();
  judge(scenario, rewriting, { queue: again, trace: (line) => lines.push(line) });
  const at = lines.findIndex((line) => line.startsWith("***"));
  const shown = at < 0 ? lines.slice(-30) : lines.slice(Math.max(0, at - 40), at + 2);
  assert.fail(`${fault}\n${shown.join("\n")}`);
}

for (const name of Object.keys(KINDS)) {
  test(`streams: model: ${name}`, limit, () => {
    const at = fc.oneof(fc.nat(20), fc.nat(3_000));
    fc.assert(
      fc.property(
        scenarios,
        at,
        fc.boolean(),
        fc.boolean(),
        (scenario, at, both, unfinished) =>
          check(scenario, {
            fromClient: name,
            fromServer: both ? name : undefined,
            ...{ at, unfinished },
          }),
      ),
      { numRuns: runs(30) },
    );
  });
}
