// The transport libipq over the real library, with a stand-in for the kernel: what the library does
// not do by itself (errors of each handle, close-on-exec, waits that block nothing, memory that is
// never left), and what must get through it whole. What is asserted is in the fixtures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { command } from "../support/runtime/command.ts";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { libipqPath, needsLibipq } from "../support/ipq/libipq.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 20_000;
const options = { timeout, ...needsLibipq };

function start(fixture: string, scenario: string): Child {
  return new Child(new URL(`fixtures/${fixture}.ts`, import.meta.url), {
    parameters: [scenario],
    environment: fakeIpQueueEnvironment(),
  });
}

async function passes(child: Child): Promise<void> {
  const end = await child.end(timeout);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
}

const scenarios: readonly (readonly [fixture: string, scenario: string, title: string])[] = [
  ["libipq_transport", "close-on-exec", "no program that is started inherits the socket"],
  ["libipq_transport", "interleaved", "1000 interleaved failures, the library's error is one"],
  ["libipq_transport", "descriptors", "300 handles come and go; fd for poll(2); what is queued"],
  ["libipq_transport", "ids", "ids and marks of 64 bits"],
  ["libipq_transport", "replacements", "replacement payloads of each kind of memory"],
  ["libipq_transport", "foreign sender", "a message from another sender is refused"],
  ["libipq_buffers", "short", "buffers of 0 to 195 bytes for a message of 196"],
  ["libipq_buffers", "kinds", "buffers at an offset, shared, resizable, large"],
  ["libipq_buffers", "gone", "buffers that shrink, grow or go, also while a read waits"],
  ["libipq_async", "packets", "readAsync: packets there already, and yet to come"],
  ["libipq_async", "timeouts", "readAsync: the timeout is in microseconds, timers run"],
  ["libipq_async", "ends", "readAsync: abort, a second read, destroy"],
  ["libipq_async", "again", "readAsync: a new handle at once after it was ended"],
  ["libipq_async", "errors", "readAsync: its error, and those of the other handle"],
  ["libipq_accessors", "messages", "the accessors find what the library's find"],
  ["libipq_accessors", "answers", "ipq_get_msgerr finds what the library's finds"],
];

for (const [fixture, scenario, title] of scenarios) {
  test(`stand-in: ${title}`, options, async () => {
    await using child = start(fixture, scenario);
    await passes(child);
  });
}

/** How many files this process may open at most, of which the runtimes make use. */
const limit = /^Max open files +\S+ +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
const room = Number(limit ?? Infinity) < 1600
  ? { skip: `only ${limit} files may be open here, fewer than select(2) has room for` }
  : {};

test(
  "stand-in: no descriptor that select(2) has no room for",
  { ...room, ...options },
  async () => {
    await using child = start("libipq_transport", "high descriptors");
    await passes(child);
  },
);

test("stand-in: a real signal ends a read with 0, and is no error", options, async () => {
  await using child = start("libipq_async", "signal");
  await child.says("reading");
  // One that comes between two calls is lost on them.
  const timer = setInterval(() => child.kill("SIGUSR1"), 50);
  try {
    await passes(child);
  } finally {
    clearInterval(timer);
  }
});

test("stand-in: every function of the library is bound and called", options, async () => {
  await using child = start("libipq_accessors", "functions");
  await passes(child);
  const symbols = command("nm", ["-D", "--defined-only", libipqPath]).trim().split("\n");
  const exported = symbols.map((line) => line.split(" ")).filter(([, kind]) => kind === "T");
  const results: Readonly<Record<string, number | string>> = JSON.parse(child.output);
  assert.deepEqual(Object.keys(results).sort(), exported.map(([, , name]) => name).sort());
  assert.deepEqual(results, {
    ipq_create_handle: "a pointer",
    ipq_set_mode: 56,
    ipq_read: 196,
    ipq_message_type: 0x13,
    ipq_get_packet: "a pointer",
    ipq_set_verdict: 40,
    ipq_get_msgerr: 2,
    ipq_ctl: 1,
    ipq_errstr: "Timeout",
    ipq_perror: "printed",
    ipq_destroy_handle: 0,
  });
  assert.equal(child.errors, "myapp: Timeout\n");
});
