// The same script of calls over both transports, against what a real ip_queue kernel gave. Under
// libipq the kernel is a stand-in (tests/support/fake_ip_queue); nfqueue carries real pings through
// `-j QUEUE`, the target that ip_queue's rules have.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPQ_COPY_META, NFPROTO_IPV4 } from "../../src/ipq/mod.ts";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { forms, functions, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { needsLibipq } from "../support/ipq/libipq.ts";
import { Rule } from "../support/network/rules.ts";
import { Child, type SpawnOptions } from "../support/runtime/child.ts";
import type { Outcome } from "./fixtures/transports.ts";
import { type Row, type Scene, scenes } from "./observed.ts";

requireIsolation();

const timeout = 30_000;
const script = new URL("fixtures/transports.ts", import.meta.url);
const withoutPrivilege = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all", "--"];
const names = Object.keys(scenes) as Scene[];
/** The process id in the recorded messages. */
const recordedPid = 66;
/** What of a recorded mode message is its structure; behind it was libipq's stack. */
const modeLength = 40;

interface Report {
  readonly pid: number;
  readonly outcomes: readonly Outcome[];
}

async function run(parameters: readonly string[], options: SpawnOptions = {}): Promise<Report> {
  await using child = new Child(script, { parameters, ...options });
  const end = await child.end(timeout);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  return JSON.parse(child.output);
}

/** What a row says and what came of it, as far as the row says it. */
function compare(rows: readonly Row[], { pid, outcomes }: Report): void {
  assert.equal(outcomes.length, rows.length);
  const own = new Map<string, string>();
  rows.forEach((row, index) => {
    const { call, result, errno, errstr, message, takes, wrong } = row;
    const outcome = outcomes[index]!;
    const step = `step ${index}: ${JSON.stringify(call)} gave ${JSON.stringify(outcome)}`;
    assert.deepEqual({ result: outcome.result }, { result }, step);
    assert.equal(outcome.message, message, step);
    assert.equal(outcome.wrong, wrong, step);
    if (errstr !== undefined) assert.equal(outcome.errstr, errstr, step);
    if (errno !== undefined) assert.equal(outcome.errno, errno, step);
    if (takes !== undefined) assert.ok(outcome.milliseconds >= takes - 1, step);
    if (row.bytes) compareBytes(row.bytes, { pid, bytes: outcome.bytes ?? "", step });
    if (outcome.age !== undefined) assert.ok(Math.abs(outcome.age) < 5000, step);

    const handle = typeof call[1] === "string" ? call[1] : undefined;
    if (handle === undefined) return;
    const failed = call[0] === "read" && result <= 0;
    if (failed && errstr !== undefined) own.set(handle, errstr);
    if (result > 0 || failed) assert.equal(outcome.own, own.get(handle) ?? "Unknown error", step);
  });
}

/** An error's message: the same but for the process ids, and what libipq's stack held. */
function compareBytes(
  recorded: Uint8Array,
  { pid, bytes, step }: { readonly pid: number; readonly bytes: string; readonly step: string },
): void {
  const message = Uint8Array.from(bytes.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const view = new DataView(message.buffer);
  for (const at of [12, 32]) {
    assert.equal(view.getUint32(at, true), pid, step);
    view.setUint32(at, recordedPid, true);
  }
  assert.equal(message.length, recorded.length);
  const same = 20 + Math.min(modeLength, recorded.length - 20);
  assert.deepEqual([...message.subarray(0, same)], [...recorded.subarray(0, same)], step);
}

/** The packets' ids in the order in which they were read. */
function ids({ outcomes }: Report): bigint[] {
  return outcomes.filter(({ id }) => id !== undefined).map(({ id }) => BigInt(id!));
}

/** What was read in INPUT is what the verdict in OUTPUT had put there. */
function compareReplacement(rows: readonly Row[], { outcomes }: Report): void {
  const at = rows.findIndex(({ call }) => call[4] === "mangled");
  const [before, after] = [outcomes[at - 1]!.payload!, outcomes[at + 1]!.payload!];
  const changed = Array.from({ length: 84 }, (_, byte) => byte)
    .filter((byte) => before.slice(2 * byte, 2 * byte + 2) !== after.slice(2 * byte, 2 * byte + 2));
  assert.ok(changed.every((byte) => [22, 23, 60].includes(byte)), `${changed}: checksum and byte`);
  assert.deepEqual([before, after].map((data) => data.slice(120, 122)), ["41", "be"]);
}

for (const form of forms) {
  const options = { timeout, ...needsLibipq };
  test(`stand-in: libipq gives what was observed, ${form.name}`, options, async () => {
    const environment = fakeIpQueueEnvironment();
    const reports = await Promise.all(
      names.map((scene) => run(["libipq", form.name, scene], { environment })),
    );
    names.forEach((scene, index) => {
      compare(scenes[scene], reports[index]!);
      const addresses = ids(reports[index]!);
      assert.ok(addresses.every((id) => id > 0xffff880000000000n), `${addresses}: addresses`);
    });
    compareReplacement(scenes.packets, reports[names.indexOf("packets")]!);
  });

  test(`nfqueue gives what was observed, ${form.name}`, { timeout }, async () => {
    // ip_queue's kernels took the time of each packet while there was a queue. Today's begin a
    // moment after: this one begins before the script.
    using clock = await Traffic.open({ chain: "INPUT" });
    clock.setMode(IPQ_COPY_META);
    for (let time = 0, count = 0; time === 0 && count < 100; count++) {
      await clock.send("tick");
      const packet = clock.packet();
      time = packet.timestampSeconds;
      clock.decide(packet, 1);
    }
    const jump = ["QUEUE"];
    const match = ["-p", "icmp", "--icmp-type", "echo-request"];
    const match6 = ["-p", "icmpv6", "--icmpv6-type", "echo-request"];
    using _output = new Rule({ legacy: true, chain: "OUTPUT", match, jump });
    using _input = new Rule({ legacy: true, chain: "INPUT", match, jump });
    using _output6 = new Rule({ legacy: true, family: 6, chain: "OUTPUT", match: match6, jump });

    for (const scene of ["wire", "packets", "ipv6"] as const) {
      const report = await run(["nfqueue", form.name, scene]);
      compare(scenes[scene], report);
      // The kernel counts; nothing else goes through this queue.
      const numbers = ids(report);
      assert.deepEqual(numbers, numbers.map((_, index) => BigInt(index + 1)));
      if (scene === "packets") compareReplacement(scenes.packets, report);
    }

    compare(
      scenes.unprivileged,
      await run(["nfqueue", form.name, "unprivileged"], { prefix: withoutPrivilege }),
    );
    using owner = functions.create(NFPROTO_IPV4, 0);
    assert.ok(owner);
    functions.setMode(owner, IPQ_COPY_META);
    compare(scenes["other process"], await run(["nfqueue", form.name, "other process"]));
  });
}
