// Ends from outside and of the whole program: Ctrl-C, process.exit, a worker's end, nothing to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Child, isBun } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const fixture = (name: string): URL => new URL(`fixtures/${name}.ts`, import.meta.url);

/** "Prompt" for a person: far below the ten seconds after which service managers kill. */
const prompt = 5000;

/** Waits until the kernel says that the child owns the queue. */
async function owns(number: number): Promise<void> {
  await until(() => ownedQueues().has(number), { what: `queue ${number} has an owner` });
}

for (const way of ["runSync", "run", "async", "for await"]) {
  test(`Ctrl-C without a listener ends ${way}, by the signal`, { timeout: 30_000 }, async () => {
    const number = nextQueue();
    await using child = new Child(fixture("blocked"), { parameters: [way, "none", number] });
    await child.says("ready");
    await owns(number);
    child.kill("SIGINT");
    assert.deepEqual(await child.end(prompt), { code: null, signal: "SIGINT" });
    assert.equal(ownedQueues().has(number), false);
  });
}

test("SIGTERM ends runSync", { timeout: 30_000 }, async () => {
  const number = nextQueue();
  await using child = new Child(fixture("blocked"), { parameters: ["runSync", "none", number] });
  await child.says("ready");
  child.kill("SIGTERM");
  assert.deepEqual(await child.end(prompt), { code: null, signal: "SIGTERM" });
});

for (const way of ["run", "async", "for await"]) {
  for (const listener of ["abort", "close", "exit"]) {
    // An abort signal belongs to `run`.
    if (way === "for await" && listener === "abort") continue;
    test(`Ctrl-C with a listener that calls ${listener} ends ${way}`, {
      timeout: 30_000,
    }, async () => {
      const number = nextQueue();
      await using child = new Child(fixture("blocked"), { parameters: [way, listener, number] });
      await child.says("ready");
      child.kill("SIGINT");
      const code = listener === "exit" ? 42 : 0;
      assert.deepEqual(await child.end(prompt), { code, signal: null });
      assert.match(child.output, listener === "exit" ? /heard/ : /heard[^]*the end/);
    });
  }
}

for (const listener of ["close", "exit"]) {
  test(`Ctrl-C with a listener that calls ${listener}: runSync returns`, {
    timeout: 30_000,
  }, async () => {
    const number = nextQueue();
    await using child = new Child(fixture("blocked"), {
      parameters: ["runSync", listener, number],
    });
    await child.says("ready");
    // A signal between "ready" and poll() interrupts nothing, so it is given again.
    const again = setInterval(() => child.kill("SIGINT"), 200);
    try {
      const end = await child.end(prompt);
      assert.match(child.output, /reason: signal/);
      assert.match(child.output, /heard/);
      assert.deepEqual(end, { code: listener === "exit" ? 42 : 0, signal: null });
    } finally {
      clearInterval(again);
    }
  });
}

const exits: readonly (readonly [how: string, code: number, words: RegExp])[] = [
  ["exit-in-run", 7, /ready/],
  ["exit-in-iteration", 7, /ready/],
  ["exit-without-close", 7, /ready/],
  ["close-then-nothing", 0, /the end/],
  ["abort-then-nothing", 0, /the end/],
  ["open-then-nothing", 0, /the end/],
  ["using-then-nothing", 0, /the end/],
  ["uncaught-error", 1, /ready/],
];

for (const [how, code, words] of exits) {
  test(`the process ends: ${how}`, { timeout: 30_000 }, async () => {
    const number = nextQueue();
    await using child = new Child(fixture("exits"), { parameters: [how, number] });
    assert.deepEqual(await child.end(prompt), { code, signal: null }, child.errors);
    assert.match(child.output, words);
    assert.equal(ownedQueues().has(number), false);
  });
}

for (const state of ["unread", "held"]) {
  test(`the process ends: close with a deadline ahead, a packet ${state}`, {
    timeout: 30_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    const number = nextQueue();
    using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    await using child = new Child(fixture("exits"), {
      parameters: [`close-with-deadline-${state}`, number, receiver.port],
    });
    assert.deepEqual(await child.end(prompt), { code: 0, signal: null }, child.errors);
    assert.match(child.output, /received 1\nthe end/);
  });
}

test("a worker closes its queue and ends, then the process", { timeout: 30_000 }, async () => {
  const number = nextQueue();
  await using child = new Child(fixture("worker_host"), { parameters: ["close", number] });
  await child.says("run ended");
  assert.deepEqual(await child.end(prompt), { code: 0, signal: null }, child.errors);
});

test("a worker is terminated while it waits, and the process ends", {
  timeout: 30_000,
}, async () => {
  const number = nextQueue();
  await using child = new Child(fixture("worker_host"), { parameters: ["terminate", number] });
  await child.says("terminated");
  assert.deepEqual(await child.end(prompt), { code: 0, signal: null }, child.errors);
  assert.equal(ownedQueues().has(number), false);
});

// In Deno terminate() ends no synchronous loop, not even for (;;) {}: only one that yields at times.
const endless = isBun ? {} : { skip: "Deno waits for a worker that never yields" };
for (
  const [way, words, options] of [
    ["slices", "runSync() with a timeout, again and again", {}],
    ["sync", "an endless runSync()", endless],
    ["ipq", "./ipq read", endless],
    ["c", "C's receive", endless],
  ] as const
) {
  test(`a worker is terminated while it sits in ${words}, and the process ends`, {
    timeout: 30_000,
    ...options,
  }, async () => {
    const number = nextQueue();
    await using child = new Child(fixture("worker_host"), {
      parameters: [`terminate-${way}`, number],
    });
    await child.says("terminated");
    assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
    assert.equal(ownedQueues().has(number), false);
  });
}

test("terminated workers write into no memory of others", {
  timeout: 60_000,
  // Bun's own event loop waits there.
  ...(isBun ? { skip: "only under Deno a thread of ours waits in poll()" } : {}),
}, async () => {
  // Memory that was given back shows a stray write only now and then, mostly as a crash.
  await using child = new Child(fixture("terminated"), { parameters: [nextQueue(), 16] });
  assert.deepEqual(await child.end(58_000), { code: 0, signal: null }, child.errors);
  assert.match(child.output, /^overwritten 0 of \d+$/m);
});

for (const how of ["exit", "exit-sync"]) {
  test(`process.exit while a worker waits: ${how}`, { timeout: 30_000 }, async () => {
    const number = nextQueue();
    await using child = new Child(fixture("worker_host"), { parameters: [how, number] });
    await child.says("running");
    const end = await child.end(prompt);
    assert.deepEqual(end, { code: 7, signal: null }, `${isBun ? "Bun" : "Deno"} ${child.errors}`);
  });
}
