// Whatever happens to the packets of a queue of the stand-in kernel, each is counted once, and as what
// became of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Packet, type PacketQueueOptions, SystemError, Verdict } from "../../mod.ts";
import type { Outcome } from "../../src/testing/passage.ts";
import { runs } from "../support/runtime/quick.ts";
import { StandIn } from "../support/stand_ins/stand_in.ts";

const ENOBUFS = 105;
const SMALL = 16_384;
const LARGE = 1 << 20;
/** After this time batches may leave again, whose losses the kernel does not tell (ms). */
const TRUSTED = 900;

type Way = "accept" | "drop" | "repeat" | "mark" | "hold" | "throw";

type Action =
  | { readonly send: number; readonly device: number }
  | { readonly handle: readonly Way[] }
  | { readonly settle: number; readonly way: "accept" | "drop" }
  | { readonly down: number }
  | { readonly capable: boolean }
  | { readonly sends: boolean }
  | { readonly maxLength: number };

const CAPABILITY = "the capability comes and goes";

/** What happens in any run. */
const usual: fc.WeightedArbitrary<Action>[] = [
  { weight: 6, arbitrary: fc.record({ send: fc.integer({ min: 1, max: 12 }), device: fc.nat(2) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      handle: fc.array(
        fc.constantFrom<Way>(
          "accept",
          "accept",
          "accept",
          "drop",
          "repeat",
          "mark",
          "hold",
          "throw",
        ),
        { minLength: 1, maxLength: 6 },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ settle: fc.nat(20), way: fc.constantFrom("accept", "drop") }),
  },
  { weight: 1, arbitrary: fc.record({ sends: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ maxLength: fc.integer({ min: 1, max: 40 }) }) },
];

/**
 * And one of these. Not both: packets that the capability was lacking for get one verdict together
 * later, and of those that a device took along meanwhile the kernel does not tell.
 */
const troubles: Readonly<Record<string, fc.Arbitrary<Action>>> = {
  "devices go down": fc.record({ down: fc.nat(2) }),
  [CAPABILITY]: fc.record({ capable: fc.boolean() }),
};

const options: fc.Arbitrary<PacketQueueOptions> = fc.record({
  maxLength: fc.constantFrom(8, 64),
  receiveBuffer: fc.constantFrom(SMALL, LARGE),
  batchSize: fc.constantFrom(1, 3, 64),
  failOpen: fc.boolean(),
  reportOverruns: fc.boolean(),
  onError: fc.constantFrom(Verdict.Accept, Verdict.Drop),
}, { noNullPrototype: true }).map((options) =>
  // With failOpen the kernel counts answers that find no room together with packets.
  options.failOpen ? { ...options, receiveBuffer: LARGE } : options
);

/** What a program does with each packet it gets. */
function handler(ways: readonly Way[], held: Packet[]): (packet: Packet) => void {
  let next = 0;
  return (packet) => {
    const way = ways[next++ % ways.length];
    if (way === "hold") {
      packet.hold();
      held.push(packet);
    } else if (way === "throw") throw new Error("of the handler");
    else if (way === "mark") packet.accept({ mark: packet.id });
    else if (way !== undefined) packet[way]();
  };
}

function act(stage: StandIn, held: Packet[], one: Action): void {
  const { kernel, queue } = stage;
  if ("send" in one) {
    for (let count = 0; count < one.send; count++) stage.send("x", { inDeviceIndex: one.device });
  } else if ("handle" in one) queue.runSync(handler(one.handle, held), { timeout: 0 });
  else if ("settle" in one) held.splice(one.settle % (held.length || 1), 1)[0]?.[one.way]();
  else if ("down" in one) kernel.takeDown(one.down);
  else if ("capable" in one) kernel.capable = one.capable;
  else if ("sends" in one) kernel.sendErrno = one.sends ? 0 : ENOBUFS;
  else queue.setMaxLength(one.maxLength);
}

const count = (outcomes: readonly Outcome[], test: (outcome: Outcome) => boolean): number =>
  outcomes.filter(test).length;

for (const [trouble, arbitrary] of Object.entries(troubles)) {
  test(`stand-in kernel: each packet is counted once, as what became of it, while ${trouble}`, {
    timeout: 120_000,
  }, () => {
    const action = fc.oneof(...usual, { weight: 2, arbitrary });
    fc.assert(
      fc.property(
        options,
        fc.constantFrom(1, 0xfffffff0),
        fc.array(action, { minLength: 10, maxLength: 60, size: "max" }),
        (options, firstId, actions) => {
          const started = performance.now();
          const stage = new StandIn({ ...options, onHandlerError: Verdict.Drop }, { firstId });
          const { kernel, queue } = stage;
          const held: Packet[] = [];
          for (const one of actions) {
            try {
              act(stage, held, one);
            } catch (error) {
              // What cannot be sent, or configured, the program hears of.
              if (kernel.sendErrno === 0 && kernel.capable) throw error;
              assert.ok(error instanceof SystemError, String(error));
            }
          }
          kernel.sendErrno = 0;
          kernel.capable = true;
          queue.close();
          if (performance.now() - started > TRUSTED) return;

          const { outcomes } = kernel;
          const counters = queue.statistics;
          assert.equal(outcomes.length, stage.sent.length, "the kernel has let each go");
          const passed = count(
            outcomes,
            ({ cause, verdict }) => cause === "queue full" && verdict === 1,
          );
          const { accepted, dropped, otherVerdicts, overruns, queueDropped, flushedByKernel } =
            counters;
          assert.equal(
            accepted + dropped + otherVerdicts + overruns + queueDropped + flushedByKernel,
            stage.sent.length - passed,
            JSON.stringify(counters),
          );
          assert.equal(counters.outstanding, 0);
          const ended = (cause: string): number =>
            count(outcomes, (outcome) => outcome.cause === cause);
          assert.equal(overruns, ended("socket full"));
          assert.equal(queueDropped, ended("queue full") - passed);
          // A batch is answered only when nothing of it was left, and an answer may find no room.
          const flushed = ended("device down") + ended("closed");
          assert.ok(flushedByKernel <= flushed, `${flushedByKernel} of ${flushed} were flushed`);
          if (trouble !== CAPABILITY || options.receiveBuffer !== LARGE) return;
          const decided = (verdict: number): number =>
            count(
              outcomes,
              (outcome) => outcome.cause === "verdict" && outcome.verdict === verdict,
            );
          assert.deepEqual([accepted, dropped, otherVerdicts], [
            decided(1),
            decided(0),
            decided(4),
          ]);
          assert.equal(flushedByKernel, flushed);
        },
      ),
      { numRuns: runs(300) },
    );
  });
}
