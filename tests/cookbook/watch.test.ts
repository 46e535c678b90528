// The recipes that look on, in the kit.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { Verdict } from "../../mod.ts";
import { decodeCapture } from "../../src/capture/mod.ts";
import { Lines, recipeInKit as inKit, tcp, TestClock, udp } from "../support/filter/recipes.ts";

const limit = { timeout: 10_000 };

test("count_by_flow", limit, async () => {
  using lines = new Lines();
  using clock = new TestClock();
  const kit = await inKit("watch/count_by_flow");
  const send = async (bytes: Uint8Array, hook: "input" | "output" = "output") =>
    assert.equal((await kit.send(bytes, { hook })).verdict, Verdict.Accept);
  await send(udp(53, "12"));
  await send(udp(53, "12"));
  const back = { source: "203.0.113.80", destination: "203.0.113.7" };
  await send(udp(4000, "123456", { sourcePort: 53, ip: back }), "input"); // of the same flow
  for (let count = 0; count < 3; count++) await send(tcp(80, { payload: "x".repeat(60) }));
  for (let port = 100; port < 120; port++) await send(udp(port, ""));
  assert.equal((await kit.send(udp(9), { hook: "output", outDevice: "lo" })).queued, false);
  assert.deepEqual(lines.all, []);
  clock.tick(5000);
  assert.equal(lines.all.length, 10);
  assert.match(lines.all[0]!, /^3 packets, 300 bytes {2}.*203\.0\.113\.80.*80/);
  assert.match(lines.all[1]!, /^3 packets, 94 bytes {2}.*203\.0\.113\.7/);
  assert.match(lines.all[2]!, /^1 packets, 28 bytes/);
  clock.tick(5000);
  assert.equal(lines.all.length, 10, "it begins anew");
  await send(udp(1, ""));
  clock[Symbol.dispose](); // the end of a filter waits for real
  await kit.stop();
  assert.equal(lines.all.length, 11, "the rest is told at the end");
});

test("log_pcapng", limit, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-recipe-"));
  const before = process.cwd();
  process.chdir(folder); // it writes where it is started
  try {
    const kit = await inKit("watch/log_pcapng");
    const options = { state: "new", inDevice: "eth0", timestamp: 1_700_000_000_123_456 } as const;
    const dropped = [tcp(23), tcp(3389)];
    for (const bytes of dropped) {
      assert.equal((await kit.send(bytes, options)).verdict, Verdict.Drop);
    }
    assert.equal((await kit.send(tcp(22), options)).queued, false);
    assert.equal((await kit.send(tcp(23), { ...options, state: "established" })).queued, false);
    await kit.stop();
  } finally {
    process.chdir(before);
  }
  const file = join(folder, "dropped.pcapng");
  const packets = [...decodeCapture(readFileSync(file))];
  assert.equal(statSync(file).mode & 0o777, 0o600);
  rmSync(folder, { recursive: true });
  assert.deepEqual(packets.map(({ bytes }) => new Uint8Array(bytes)), [tcp(23), tcp(3389)]);
  for (const { timestamp, verdict, interface: device } of packets) {
    assert.equal(timestamp, 1_700_000_000_123_456);
    assert.deepEqual([verdict?.verdict, device?.name], ["drop", "eth0"]);
  }
});

test("log_by_user", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("watch/log_by_user");
  const options = { state: "new", outDevice: "eth0" } as const;
  assert.equal((await kit.send(tcp(443), { ...options, uid: 1000 })).verdict, Verdict.Accept);
  assert.equal((await kit.send(udp(53), { ...options, uid: 0 })).verdict, Verdict.Accept);
  assert.equal((await kit.send(udp(123), options)).verdict, Verdict.Accept);
  assert.equal((await kit.send(udp(53), { ...options, outDevice: "lo" })).queued, false);
  assert.equal((await kit.send(tcp(1), { ...options, state: "established" })).queued, false);
  assert.equal(lines.all.length, 3);
  assert.match(lines.all[0]!, /^uid 1000 {2}.*203\.0\.113\.80.*443.* {2}eth0$/);
  assert.match(lines.all[1]!, /^uid 0 {2}/);
  assert.match(lines.all[2]!, /^the kernel {2}/);
});
