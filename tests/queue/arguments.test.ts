// Wrong arguments: TypeError or RangeError that names the option, before any native call.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  PacketQueue,
  type PacketQueueOptions,
  queueStatistics,
  type SyncHandler,
  Verdict,
} from "../../mod.ts";
import { requireIsolation } from "../support/isolation.ts";
import { nextQueue, ownedQueues } from "../support/numbers.ts";
import { Child } from "../support/runtime.ts";
import { openCases, problemOf } from "./argument_cases.ts";

requireIsolation();

test("wrong arguments of every option of open", { timeout: 20_000 }, () => {
  const number = nextQueue();
  const problems = openCases.flatMap((each) => problemOf(each, number));
  assert.deepEqual(problems, []);
  assert.equal(ownedQueues().has(number), false, "no queue was bound on the way");
});

test("they are found before the library is loaded", { timeout: 20_000 }, async () => {
  await using child = new Child(new URL("fixtures/arguments.ts", import.meta.url), {
    environment: { NFQUEUE_LIBRARY: "/nonexistent/library.so" },
  });
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  assert.deepEqual(JSON.parse(child.output), []);
});

test("every option's limits are accepted", { timeout: 20_000 }, () => {
  const good: readonly PacketQueueOptions[] = [
    {},
    ...[0, 1, 65531].map((copyRange) => ({ copyRange })),
    ...[1, 1024, 0xffffffff].map((maxLength) => ({ maxLength })),
    ...[1, 4096, 1 << 20].map((receiveBuffer) => ({ receiveBuffer })),
    ...[1, 1024].map((batchSize) => ({ batchSize })),
    ...[true, false].map((failOpen) => ({ failOpen })),
    ...[true, false].map((gso) => ({ gso })),
    ...[true, false].map((uidGid) => ({ uidGid })),
    ...[true, false].map((reportOverruns) => ({ reportOverruns })),
    ...(["unspecified", "ipv4", "ipv6"] as const).map((family) => ({ family })),
    ...[1, 0x7fffffff].map((milliseconds) => ({
      deadline: { milliseconds, verdict: Verdict.Drop },
    })),
    ...[Verdict.Drop, Verdict.Accept].map((onError) => ({ onError })),
    ...[1, 0xffffffff].map((concurrency) => ({ concurrency })),
  ];
  const number = nextQueue();
  for (const options of good) {
    using queue = PacketQueue.open(number, options);
    assert.equal(queue.number, number);
  }
});

const notNumbers = ["1", null, true, {}, 5n];
const notIntegers = [NaN, Infinity, 1.5, -1];

test("wrong arguments of run, runSync and the setters", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  const accept = (): Verdict => Verdict.Accept;
  for (const handler of [undefined, null, 5, "accept", {}]) {
    const wrong = handler as unknown as SyncHandler;
    assert.throws(() => queue.runSync(wrong), { name: "TypeError", message: /handler/ });
    await assert.rejects(async () => await queue.run(wrong), {
      name: "TypeError",
      message: /handler/,
    });
  }
  for (const signal of [5, "signal", {}, null]) {
    const options = { signal: signal as unknown as AbortSignal };
    await assert.rejects(async () => await queue.run(accept, options), {
      name: "TypeError",
      message: /signal/,
    });
  }
  for (const option of ["maxPackets", "timeout"]) {
    const message = new RegExp(option);
    for (const value of notNumbers) {
      const options = { [option]: value } as { timeout: number };
      assert.throws(() => queue.runSync(accept, options), { name: "TypeError", message });
    }
    for (const value of notIntegers) {
      const options = { [option]: value } as { timeout: number };
      assert.throws(() => queue.runSync(accept, options), { name: "RangeError", message });
    }
  }
  for (const wrong of [null, 5, "options"] as unknown[]) {
    assert.throws(() => queue.runSync(accept, wrong as { timeout: number }), TypeError);
    await assert.rejects(
      async () => await queue.run(accept, wrong as { signal: AbortSignal }),
      TypeError,
    );
  }
  const misspelt = { timeOut: 5 } as { timeout?: number };
  assert.throws(() => queue.runSync(accept, misspelt), { name: "TypeError", message: /timeOut/ });

  for (const value of [...notNumbers, undefined]) {
    const wrong = value as number;
    assert.throws(() => queue.setCopyRange(wrong), { name: "TypeError", message: /copyRange/ });
    assert.throws(() => queue.setMaxLength(wrong), { name: "TypeError", message: /maxLength/ });
  }
  for (const value of [...notIntegers, 65532]) {
    assert.throws(() => queue.setCopyRange(value), { name: "RangeError", message: /copyRange/ });
  }
  for (const value of [...notIntegers, 0, 2 ** 32]) {
    assert.throws(() => queue.setMaxLength(value), { name: "RangeError", message: /maxLength/ });
  }
  for (const flag of ["failOpen", "gso", "conntrack", "uidGid", "securityContext"]) {
    for (const value of [1, 0, "true", null]) {
      assert.throws(() => queue.setFlags({ [flag]: value as unknown as boolean }), {
        name: "TypeError",
        message: new RegExp(flag),
      });
    }
  }
  const unknown = { copyRange: true } as { gso?: boolean };
  assert.throws(() => queue.setFlags(unknown), { name: "TypeError", message: /copyRange/ });
  assert.throws(() => queue.setFlags(null as unknown as { gso: boolean }), TypeError);
});

test("wrong arguments of queueStatistics", { timeout: 20_000 }, () => {
  for (const value of notNumbers) assert.throws(() => queueStatistics(value as number), TypeError);
  for (const value of [...notIntegers, 65536]) {
    assert.throws(() => queueStatistics(value), RangeError);
  }
});
