// What `nfqueue run` writes where no terminal is: a line now and then, or JSON.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Surroundings } from "../../../src/cli/frame/command.ts";
import { type Report, reportTo, summaryText } from "../../../src/cli/run/report.ts";
import type { Status } from "../../../src/cli/run/rates.ts";
import { Counters } from "../../../src/queue/report/counters.ts";

const limit = { timeout: 20_000 };

function surroundings(): { around: Surroundings; written: string[]; complaints: string[] } {
  const [written, complaints]: [string[], string[]] = [[], []];
  const around = {
    write: (text: string) => void written.push(text),
    complain: (text: string) => void complaints.push(text),
    signal: new AbortController().signal,
    terminal: false,
    screen: false,
    colors: false,
  };
  return { around, written, complaints };
}

function statusOf(received: number): Status {
  const counters = { ...new Counters().snapshot(), received, accepted: received };
  const rates = { packetsPerSecond: received, acceptedPerSecond: received, droppedPerSecond: 0 };
  return { ...rates, waiting: 1234, lost: 0, counters };
}

const seconds = (report: Report, count: number, received: number) => {
  for (let second = 0; second < count; second++) report.status(statusOf(received));
};

test("a log has a line every ten seconds, and none where nothing came", limit, () => {
  const { around, written, complaints } = surroundings();
  using report = reportTo(around, { name: "f.ts", json: false });
  seconds(report, 9, 5);
  assert.deepEqual(written, []);
  seconds(report, 1, 5);
  const line = (count: string) =>
    `f.ts: ${count} packets/s, ${count} accepted, 0 dropped, 1,234 waiting, 0 lost\n`;
  assert.deepEqual(written, [line("5")]);
  seconds(report, 30, 5);
  assert.deepEqual(written, [line("5")]);
  seconds(report, 10, 20_000);
  assert.deepEqual(written, [line("5"), line("20,000")]);
  report.tell({ type: "loaded", text: "loaded" });
  report.tell({ type: "kept", text: "kept" });
  assert.deepEqual([written.at(-1), complaints], ["loaded\n", ["kept\n"]]);
});

test("JSON has all of it, and gives the console back", limit, () => {
  const { log, info, debug } = console;
  const { around, written, complaints } = surroundings();
  {
    using report = reportTo(around, { name: "f.ts", json: true });
    assert.notEqual(console.log, log);
    report.status(statusOf(7));
    report.tell({ type: "kept", text: "why", facts: { files: ["a"] } });
  }
  assert.deepEqual([console.log, console.info, console.debug], [log, info, debug]);
  const [status, kept] = written.map((line) => JSON.parse(line));
  assert.deepEqual([status.type, status.packetsPerSecond, status.received], ["status", 7, 7]);
  assert.deepEqual([kept.type, kept.message, kept.files], ["kept", "why", ["a"]]);
  assert.deepEqual(complaints, []);
});

test("the last line names what has happened, and not what has not", limit, () => {
  const counters = {
    ...new Counters().snapshot(),
    received: 12_345,
    accepted: 12_000,
    dropped: 300,
  };
  assert.equal(summaryText(counters), "12,345 packets: 12,000 accepted, 300 dropped, 0 lost");
  const more = { ...counters, otherVerdicts: 45, handlerErrors: 2, overruns: 3, queueDropped: 4 };
  assert.equal(
    summaryText(more),
    "12,345 packets: 12,000 accepted, 300 dropped, 45 sent elsewhere, 2 failed, 7 lost",
  );
});
