// The transport libipq over the real library: each error that the library can give, in every form,
// with a stand-in for the kernel that fails on demand; and the choice of the transport.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPQ_ERROR, IPQ_ERROR_TEXTS } from "../../src/ipq/mod.ts";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { libipqPath, needsLibipq } from "../support/ipq/libipq.ts";
import { Child } from "../support/runtime/child.ts";
import type { Attempt, Thrown } from "./fixtures/libipq_errors.ts";

requireIsolation();

const timeout = 30_000;
const options = { timeout, ...needsLibipq };

interface Creations {
  /** Transport, errno and systemErrno of each new handle. */
  readonly handles: readonly string[];
  readonly forms: Readonly<Record<string, Attempt>>;
}

/** What a scenario of the fixture reports. */
// deno-lint-ignore no-explicit-any -- whatever the scenario tells
async function run(scenario: readonly (string | number)[], environment = {}): Promise<any> {
  await using child = new Child(new URL("fixtures/libipq_errors.ts", import.meta.url), {
    parameters: scenario,
    environment,
  });
  const end = await child.end(timeout);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  assert.equal(child.errors, "");
  return JSON.parse(child.output);
}

type Expected = readonly [code: number, errno: number, message: string];

const receive = "Failed to receive netlink message";
const send = "Failed to send netlink message";
const cut = "Received message truncated";
const size = "Receive buffer size invalid";

const expected: Readonly<Record<string, Expected>> = {
  "no memory": [2, 12, "Unable to create netlink handle: Cannot allocate memory"],
  "no descriptor": [3, 24, "Unable to create netlink socket: Too many open files"],
  "bind refused": [4, 13, "Unable to bind netlink socket: Permission denied"],
  "no such protocol": [16, 0, "Invalid protocol specified"],
  "receive: no buffer": [6, 105, `${receive}: No buffer space available`],
  "receive: signal": [6, 4, `${receive}: Interrupted system call`],
  "wait fails": [6, 9, `${receive}: Bad file descriptor`],
  "long address": [6, 0, receive],
  "short address": [6, 0, receive],
  "another sender": [6, 0, receive],
  "no bytes": [7, 0, "Received EOF on netlink socket"],
  "flag of a cut message": [10, 0, cut],
  "length that lies": [10, 0, cut],
  "longer than the buffer": [10, 0, cut],
  "mode refused": [12, 111, `${send}: Connection refused`],
  "verdict refused": [12, 111, `${send}: Connection refused`],
  "verdict with data refused": [12, 105, `${send}: No buffer space available`],
  "buffer of 19": [14, 0, size],
  "buffer of 0": [14, 0, size],
};

/** The same failure in every form, in that form's way. */
function check(given: Readonly<Record<string, Attempt>>, [code, errno, message]: Expected): void {
  const text = IPQ_ERROR_TEXTS[code]!;
  const thrown: Thrown = { name: "IpqError", message, code, errno };
  for (const [form, { result, thrown: error, ...errors }] of Object.entries(given)) {
    assert.deepEqual(errors, { code, errno, text, last: text }, form);
    if (form === "functions") assert.equal(result, [2, 3, 4, 16].includes(code) ? 0 : -1);
    else assert.deepEqual(error, thrown, form);
  }
}

test("stand-in: each error of the library, from each cause, in each form", options, async () => {
  const { report, sockets } = await run(["causes"], fakeIpQueueEnvironment());
  const { timeout: expired, poll, ...failures } = report;
  assert.deepEqual(Object.keys(failures), Object.keys(expected));
  for (const [name, given] of Object.entries<Record<string, Attempt>>(failures)) {
    const forms = Object.keys(given).join(" ");
    assert.match(forms, /^functions class( async)?$/);
    if (name.includes("buffer of") || expected[name]![0] === 6) assert.match(forms, /async/);
    check(given, expected[name]!);
  }
  // 15 is no failure: the result is 0, and nothing is thrown.
  for (const given of [expired, poll]) {
    assert.deepEqual(Object.keys(given), ["functions", "class", "async"]);
    for (const attempt of Object.values(given)) {
      const text = "Timeout";
      assert.deepEqual(attempt, { result: 0, code: 15, errno: 0, text, last: text });
    }
  }
  assert.equal(sockets, 0, "no failed creation leaves a socket");

  const codes = new Set([0, 15, ...Object.values(expected).map(([code]) => code)]);
  assert.deepEqual([...codes].sort((a, b) => a - b), [0, 2, 3, 4, 6, 7, 10, 12, 14, 15, 16]);
});

test("stand-in: a second handle of the process finds its port taken", options, async () => {
  const { second, first, other } = await run(["second handle"], fakeIpQueueEnvironment());
  check(second, [4, 98, "Unable to bind netlink socket: Address already in use"]);
  assert.deepEqual([first, other], [[0, 0], 0], "the handles there are have no error");
});

test("stand-in: a signal ends a wait with 0 and leaves the error", options, async () => {
  const given: readonly Attempt[] = await run(["signals"], fakeIpQueueEnvironment());
  const before = { result: 0, code: 0, errno: 4, text: "Unknown error", last: "Unknown error" };
  const after = { result: 0, code: 15, errno: 4, text: "Timeout", last: "Timeout" };
  assert.deepEqual(given, [before, before, after, after]);
});

test("our sentences are the library's, also of what it never sets", options, async () => {
  const count = IPQ_ERROR_TEXTS.length;
  const table = await run(["sentences", count], { NFQUEUE_LIBIPQ: libipqPath });
  assert.deepEqual(table, IPQ_ERROR_TEXTS.map((text, code) => [code, text]));
  assert.deepEqual(Object.values(IPQ_ERROR), IPQ_ERROR_TEXTS.map((_, code) => code));
});

const advice = "This kernel has no ip_queue (it left Linux in 3.5): use the transport nfqueue";
const made = { result: 1, code: 0, errno: 0, text: "Unknown error", last: "Unknown error" };

/** All creations went this way, and no error is left of what was tried before. */
function succeeded({ handles, forms }: Creations, transport: string): void {
  assert.deepEqual(handles, Array.from({ length: 4 }, () => `${transport} 0 0`));
  assert.deepEqual(Object.values(forms), Array.from({ length: 4 }, () => made));
}

function failed({ handles, forms }: Creations, failure: Expected): void {
  assert.deepEqual(handles, []);
  for (const protocol of [2, 10]) {
    check({
      functions: forms[`functions ${protocol}`]!,
      class: forms[`class ${protocol}`]!,
    }, failure);
  }
}

test("without ip_queue: libipq says so, auto goes over nfqueue", options, async () => {
  const environment = { NFQUEUE_LIBIPQ: libipqPath };
  const sentence = `Unable to create netlink socket: Protocol not supported. ${advice}`;
  failed(await run(["libipq"], environment), [3, 93, sentence]);
  succeeded(await run(["auto"], environment), "nfqueue");
});

test("stand-in: auto takes libipq, and falls back only where it is absent", options, async () => {
  const { second, ...choice } = await run(["choice"], fakeIpQueueEnvironment());
  const { none, "socket 93": noProtocol, "socket 97": noFamily, ...failures } = choice;
  succeeded(none, "libipq");
  succeeded(noProtocol, "nfqueue");
  succeeded(noFamily, "nfqueue");
  const inUse: Expected = [4, 98, "Unable to bind netlink socket: Address already in use"];
  const faults: Readonly<Record<string, Expected>> = {
    "socket 24": [3, 24, "Unable to create netlink socket: Too many open files"],
    "bind 98": inUse,
    "allocation 12": [2, 12, "Unable to create netlink handle: Cannot allocate memory"],
  };
  assert.deepEqual(Object.keys(failures), Object.keys(faults));
  for (const [name, failure] of Object.entries(faults)) failed(failures[name], failure);
  check({ class: second }, inUse);
});

test("NFQUEUE_LIBIPQ names no file: libipq throws, auto goes over nfqueue", {
  timeout,
}, async () => {
  const path = "/nowhere/libipq.so.0";
  const given = await run(["a missing file"], { NFQUEUE_LIBIPQ: path });
  assert.equal(given.library, "libipq");
  assert.deepEqual(given.libipq.handles, []);
  const attempts = Object.values<Attempt>(given.libipq.forms);
  assert.equal(attempts.length, 4);
  for (const { thrown, code, errno } of attempts) {
    assert.equal(thrown?.name, "LibraryLoadError");
    assert.match(thrown.message, /\bNFQUEUE_LIBIPQ\b/);
    assert.match(thrown.message, /\n {2}\/nowhere\/libipq\.so\.0: .*no such file/i);
    assert.deepEqual([code, errno], [0, 0]);
  }
  succeeded(given.auto, "nfqueue");
});
