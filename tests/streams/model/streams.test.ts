// The model test of `TcpStreams`: random connections over bad ways, through transforms of every kind, judged
// by a TCP of the tests' own at both ends.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { QueueMiddle } from "../../support/tcp/queue_middle.ts";
import { runs } from "../../support/runtime/quick.ts";
import { judge, type Rewriting } from "./judged.ts";
import { type Scenario, scenarios } from "./scenario.ts";
import { KINDS } from "./transforms.ts";

const limit = { timeout: 60_000 };
/** The same connections each time; NFQUEUE_SEED chooses others. */
const SEED = Number(process.env["NFQUEUE_SEED"] ?? 3);

function check(queue: QueueMiddle, scenario: Scenario, rewriting: Rewriting): void {
  const fault = judge(scenario, rewriting, { queue });
  if (fault === undefined) return;
  const lines: string[] = [];
  using again = new QueueMiddle();
  judge(scenario, rewriting, { queue: again, trace: (line) => lines.push(line) });
  const at = lines.findIndex((line) => line.startsWith("***"));
  const shown = at < 0 ? lines.slice(-30) : lines.slice(Math.max(0, at - 40), at + 2);
  assert.fail(`${fault}\n${shown.join("\n")}`);
}

const at = fc.oneof(fc.nat(20), fc.nat(3_000));

for (const name of Object.keys(KINDS)) {
  test(`streams: model: ${name}`, limit, () => {
    using queue = new QueueMiddle();
    fc.assert(
      fc.property(
        scenarios,
        at,
        fc.boolean(),
        fc.boolean(),
        (scenario, at, both, unfinished) =>
          check(queue, scenario, {
            fromClient: name,
            fromServer: both ? name : undefined,
            ...{ at, unfinished },
          }),
      ),
      { numRuns: runs(24), seed: SEED },
    );
  });
}

const names = fc.constantFrom(...Object.keys(KINDS));
/** Those that go on to the end, and hear of each byte. */
const whole = Object.keys(KINDS).filter((name) => KINDS[name]!.ending === undefined);

test(
  "streams: model: another kind in each direction",
  limit,
  () => {
    using queue = new QueueMiddle();
    fc.assert(
      fc.property(
        scenarios,
        at,
        names,
        names,
        (scenario, at, fromClient, fromServer) =>
          check(queue, scenario, { fromClient, fromServer, at, unfinished: false }),
      ),
      { numRuns: runs(60), seed: SEED },
    );
  },
);

test("streams: model: segments that overlap, with other bytes", limit, () => {
  using queue = new QueueMiddle();
  fc.assert(
    fc.property(
      scenarios,
      at,
      fc.constantFrom(...whole),
      (scenario, at, name) =>
        check(queue, scenario, {
          ...{ fromClient: name, fromServer: name, at, unfinished: false, overlaps: true },
        }),
    ),
    { numRuns: runs(80), seed: SEED },
  );
});

test(
  "streams: model: a client that resets the connection",
  limit,
  () => {
    using queue = new QueueMiddle();
    fc.assert(
      fc.property(
        scenarios,
        at,
        names,
        fc.integer({ min: 1, max: 200 }),
        (one, at, name, abortAt) =>
          check(queue, withoutLoss(one), {
            fromClient: name,
            fromServer: name,
            at,
            unfinished: false,
            abortAt,
          }),
      ),
      { numRuns: runs(60), seed: SEED },
    );
  },
);

/** Where a reset is lost nobody hears of it, unless there is more to send. */
function withoutLoss(scenario: Scenario): Scenario {
  const [near, far] = scenario.faults;
  return { ...scenario, faults: [{ ...near, loss: 0 }, { ...far, loss: 0 }] };
}
