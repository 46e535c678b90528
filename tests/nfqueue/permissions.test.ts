// Deno's permissions: --allow-ffi is all a filter needs, and nothing happens without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Child, isDeno } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const minimal = new URL("fixtures/minimal.ts", import.meta.url);
const options = { timeout: 20_000, ...(isDeno ? {} : { skip: "only Deno has permissions" }) };

test("--allow-ffi alone is enough", options, async () => {
  const number = nextQueue();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  await using child = new Child(minimal, { permissions: ["--allow-ffi"], parameters: [number] });
  await child.says("ready");
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.send("hello", receiver);
  assert.deepEqual(await receiver.take(1), ["hello"]);
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  assert.match(child.output, /^ready\nlo true .*UDP/);
});

test("without it Deno's own sentence names the flag", options, async () => {
  await using child = new Child(minimal, { permissions: [], parameters: [nextQueue()] });
  assert.equal((await child.end()).code, 1);
  assert.match(child.errors, /--allow-ffi/);
  assert.equal(child.output, "");
});
