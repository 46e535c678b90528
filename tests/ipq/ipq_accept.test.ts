// The manual's program as examples/ has it, both forms, with the manual's own rule: real pings.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { ping } from "../support/command.ts";
import { requireIsolation } from "../support/isolation.ts";
import { ownedQueues } from "../support/numbers.ts";
import { Rule } from "../support/rules.ts";
import { Child } from "../support/runtime.ts";
import { until } from "../support/waiting.ts";

requireIsolation();

const example = new URL("../../examples/ipq_accept.ts", import.meta.url);

for (const family of [4, 6] as const) {
  for (const form of ["functions", "class"]) {
    test(`ipq_accept, ${form}, IPv${family}`, { timeout: 30_000 }, async () => {
      const protocol = family === 4 ? "icmp" : "icmpv6";
      const address = family === 4 ? "127.0.0.1" : "::1";
      using rule = new Rule({
        ...{ family, legacy: true, chain: "OUTPUT", match: ["-p", protocol] },
        jump: ["QUEUE"],
      });
      const before = await ping(address, { wait: 0.2 });
      assert.equal(before.received, 0, "nobody listens");
      const words = [...(form === "class" ? ["--class"] : []), ...(family === 6 ? ["--ipv6"] : [])];
      await using child = new Child(example, {
        parameters: words,
        // What the file's own comment says is enough.
        permissions: ["--allow-ffi"],
      });
      await until(() => ownedQueues().has(0), { what: "the example has queue 0" });
      const counted = rule.packets;
      const { sent, received } = await ping(address, { count: 5 });
      assert.deepEqual({ sent, received }, { sent: 5, received: 5 }, child.errors);
      // Requests and answers.
      assert.equal(rule.packets - counted, 10);
      process.kill(child.pid, "SIGINT");
      assert.deepEqual(await child.end(), { code: null, signal: "SIGINT" });
      assert.deepEqual([child.output, child.errors], ["", ""]);
      const after = await ping(address, { wait: 0.2 });
      assert.equal(after.received, 0);
    });
  }
}

test("ipq_accept: a queue that has an owner already", { timeout: 30_000 }, async () => {
  await using first = new Child(example, { permissions: ["--allow-ffi"] });
  await until(() => ownedQueues().has(0), { what: "the example has queue 0" });
  await using second = new Child(example, { permissions: ["--allow-ffi"] });
  await until(() => second.errors.includes("\n"), { what: "the second says why not" });
  assert.equal(second.errors, "Received error message 16\n");
  assert.equal(first.errors, "");
});
