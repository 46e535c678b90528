// A recording whose file is slow: no packet waits for it, and what is not in it is counted.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Verdict } from "../../../mod.ts";
import { CaptureReader } from "../../../src/capture/mod.ts";
import { Recording } from "../../../src/cli/run/recording.ts";
import { FilterHost } from "../../../src/filter/host.ts";
import { StandInKernel } from "../../../src/testing/kernel.ts";
import { until, within } from "../../support/runtime/waiting.ts";
import { udpPacket } from "../../support/traffic/packets.ts";

const QUEUE = 7;
const PACKETS = 6000;
const SIZE = 1000;

test("a file that takes nothing for a while", { timeout: 30_000 }, async () => {
  const chunks: Uint8Array[] = [];
  let stuck = true;
  const file = {
    write(bytes: Uint8Array): number {
      if (stuck) return 0;
      chunks.push(bytes.slice());
      return bytes.length;
    },
    [Symbol.dispose]() {},
  };
  const kernel = new StandInKernel();
  const failures: unknown[] = [];
  using recording = new Recording(file, { kernel, failed: (error) => failures.push(error) });
  const filter = recording.wrap((packet) => packet.id % 2 === 0 ? Verdict.Drop : Verdict.Accept);
  const host = await FilterHost.start(filter, {
    queues: QUEUE,
    rules: false,
    openQueue: recording.openQueue,
    installRules: () => assert.fail("there are no rules"),
  });
  const payload = udpPacket("x".repeat(SIZE));
  for (let sent = 0; sent < PACKETS; sent += 100) {
    for (let count = 0; count < 100; count++) kernel.send(QUEUE, { payload });
    const all = sent + 100;
    await until(() => host.statistics.received === all, { what: `${all} packets` });
  }
  await until(() => kernel.outcomes.length === PACKETS, { what: "all are decided" });
  const { written, notWritten } = recording;
  assert.equal(written + notWritten, PACKETS);
  // 4 MiB wait for the file, and no more.
  assert.ok(notWritten > PACKETS / 10 && written > PACKETS / 2, `${written}, ${notWritten}`);
  await host.stop();
  stuck = false;
  const counted = host.queues.map(({ number, statistics }) => ({ number, statistics }));
  const { signal } = new AbortController();
  await within(recording.finish(counted, signal), { what: "the file" });
  const reader = new CaptureReader();
  const packets = chunks.flatMap((chunk) => [...reader.read(chunk)]);
  reader.end();
  assert.equal(packets.length, written);
  const verdicts = packets.map(({ verdict }) => verdict?.verdict);
  assert.deepEqual(verdicts, packets.map((_, at) => at % 2 === 0 ? "accept" : "drop"));
  const { statistics } = reader.interfaces.find(({ name }) => name === `queue ${QUEUE}`)!;
  assert.deepEqual(statistics, {
    ...{ received: PACKETS, delivered: PACKETS, dropped: notWritten, systemDropped: 0 },
  });
  assert.deepEqual(failures, []);
});
