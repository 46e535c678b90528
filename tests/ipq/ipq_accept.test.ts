// The manual's program as examples/ has it, both forms, with the manual's own rule: real pings.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ping } from "../support/runtime/command.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Rule } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const example = new URL("../../examples/ipq_accept.ts", import.meta.url);

/** Queue 0 has an owner, and its copy mode is not 0. */
function receives(): boolean {
  const table = readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8");
  return /^ *0 +-?\d+ +\d+ +[12] /m.test(table);
}

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
      await until(receives, { what: "the example asks for packets of queue 0" });
      const counted = rule.packets;
      const { sent, received } = await ping(address, { count: 5 });
      assert.deepEqual({ sent, received }, { sent: 5, received: 5 }, child.errors);
      // Requests and answers; IPv6 has a word to its neighbours now and then.
      const count = rule.packets - counted;
      assert.ok(family === 4 ? count === 10 : count >= 10, `${count} packets`);
      child.kill("SIGINT");
      assert.deepEqual(await child.end(), { code: null, signal: "SIGINT" });
      assert.deepEqual([child.output, child.errors], ["", ""]);
      const after = await ping(address, { wait: 0.2 });
      assert.equal(after.received, 0);
    });
  }
}

test("ipq_accept: a queue that has an owner already", { timeout: 30_000 }, async () => {
  await using first = new Child(example, { permissions: ["--allow-ffi"] });
  await until(receives, { what: "the first has queue 0" });
  await using second = new Child(example, { permissions: ["--allow-ffi"] });
  await until(() => second.errors.includes("message 16\n"), { what: "the second says why not" });
  const [advice, ...rest] = second.errors.split("\n");
  assert.match(advice!, /^ipq: queue 0 has an owner, .* iptables … -j NFQUEUE --queue-num 1$/);
  assert.deepEqual(rest, ["Received error message 16", ""]);
  assert.equal(first.errors, "");
});
