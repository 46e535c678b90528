// The transport libipq in two workers at once: the library has one error for the whole process, ours
// are each call's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { needsLibipq } from "../support/ipq/libipq.ts";
import { isQuick } from "../support/runtime/quick.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 60_000;
const rounds = isQuick ? 1000 : 3000;

type Results = Readonly<Record<string, Readonly<Record<string, number>>>>;

test("stand-in: two workers whose calls fail at the same time each hear of their own", {
  timeout,
  ...needsLibipq,
}, async () => {
  await using child = new Child(new URL("fixtures/libipq_threads.ts", import.meta.url), {
    parameters: [rounds],
    environment: fakeIpQueueEnvironment(),
  });
  const end = await child.end(timeout);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  const report: Readonly<Record<string, Results>> = JSON.parse(child.output);
  const names = { create: ["4 98"], auto: ["nfqueue"] };
  const calls = ["14 0", "10 0", "6 0", "7 0", "15 0"];
  for (const [task, acts] of Object.entries(names)) {
    for (const [who, expected] of [[task, acts], [`calls beside ${task}`, calls]] as const) {
      const results = report[who] ?? {};
      assert.deepEqual(Object.keys(results).sort(), [...expected].sort(), who);
      for (const [name, given] of Object.entries(results)) {
        assert.deepEqual(Object.keys(given), [name], `${who}: ${JSON.stringify(results)}`);
        assert.ok(given[name]! >= rounds / 10, who);
      }
    }
  }
});
