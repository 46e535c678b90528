// What is installed goes with the process, however that ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { Child, isDeno, isNode, runtime as own } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const LIMIT = { timeout: 30_000 } as const;
const PROGRAM = new URL("fixtures/removal.ts", import.meta.url);
/** "Prompt" for a person. */
const PROMPT = 5000;
/** From the program's start on, which takes seconds where much else runs. */
const FROM_START = 20_000;
/** What the command needs under Deno, and no more. */
const permissions = ["--allow-ffi", "--allow-read", "--allow-env"];
const KILLS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const ends: readonly (readonly [way: string, code: number, only?: "deno" | "bun"])[] = [
  ["end", 0],
  ["exit", 7],
  ["Deno.exit", 7, "deno"],
  // This call, which node does not document, tells nobody in Bun and Node.
  ["reallyExit", 7, "deno"],
  ["error", 1],
  ["later error", 1],
  ["rejection", 1],
  ["rejected wait", 1],
];

for (const [way, code, only] of ends) {
  if (only !== undefined && only !== own) continue;
  test(`removed at the end: ${way}`, LIMIT, async () => {
    await using child = new Child(PROGRAM, { permissions, parameters: [way, "none"] });
    assert.deepEqual(await child.end(FROM_START), { code, signal: null }, child.errors);
    assert.match(child.output, /^(remove\n)+$/);
    assert.match(child.errors, /nfqueue: rules could not be removed: not removed/);
  });
}

for (const way of ["caught error", "captured error"]) {
  test(`an error that the program catches removes nothing: ${way}`, LIMIT, async () => {
    await using child = new Child(PROGRAM, { permissions, parameters: [way, "none"] });
    assert.deepEqual(await child.end(FROM_START), { code: 0, signal: null }, child.errors);
    assert.match(child.output, /^alive\n(remove\n)+$/);
  });
}

test("what is forgotten is not removed, and does not keep the program alive", LIMIT, async () => {
  await using child = new Child(PROGRAM, { permissions, parameters: ["forgotten", "none"] });
  assert.deepEqual(await child.end(FROM_START), { code: 0, signal: null }, child.errors);
  assert.equal(child.output, "");
});

for (const signal of KILLS) {
  test(`${signal} without a listener: removed, and ended by it`, LIMIT, async () => {
    await using child = new Child(PROGRAM, { permissions, parameters: ["wait", "none"] });
    await child.says("ready");
    child.kill(signal);
    assert.deepEqual(await child.end(PROMPT), { code: null, signal }, child.errors);
    assert.equal(child.output, "ready\nremove\n");
  });
}

const without = ["gone/before", "gone/after", ...(!isDeno ? [] : ["deno-gone/before"])];
for (const listener of without) {
  test(`a listener that was taken off counts no more: ${listener}`, LIMIT, async () => {
    await using child = new Child(PROGRAM, { permissions, parameters: ["wait", listener] });
    await child.says("ready");
    child.kill("SIGTERM");
    const end = await child.end(PROMPT);
    assert.deepEqual(end, { code: null, signal: "SIGTERM" }, child.errors);
    assert.equal(child.output, "ready\nremove\n");
  });
}

const kinds = ["on", "once", ...(!isDeno ? [] : ["deno", "deno-once"])];
for (const listener of kinds.flatMap((kind) => [`${kind}/before`, `${kind}/after`])) {
  for (const signal of ["SIGINT", "SIGHUP"] as const) {
    test(
      `${signal} with a listener: withdrawn, then the program ends: ${listener}`,
      LIMIT,
      async () => {
        await using child = new Child(PROGRAM, { permissions, parameters: ["wait", listener] });
        await child.says("ready");
        child.kill(signal);
        assert.deepEqual(await child.end(PROMPT), { code: 42, signal: null }, child.errors);
        assert.match(child.output, /^ready\n(withdraw\nheard|heard\nwithdraw)\n(remove\n)+$/);
        assert.match(child.errors, /not withdrawn/);
      },
    );
  }
}

test("a signal that was ignored when the program began ends nothing", {
  ...LIMIT,
  ...(!isNode ? {} : { skip: "Node sets each signal back when it begins, also under nohup" }),
}, async () => {
  await using child = new Child(PROGRAM, {
    ...{ permissions, parameters: ["wait", "none"] },
    prefix: ["env", "--ignore-signal=HUP"],
  });
  await child.says("ready");
  child.kill("SIGHUP");
  child.kill("SIGTERM");
  assert.deepEqual(await child.end(PROMPT), { code: null, signal: "SIGTERM" }, child.errors);
  assert.equal(child.output, "ready\nremove\n");
});

for (const way of ["runSync", "runSync again and again", "runSync in slices"]) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} ends ${way}: removed, and ended by it`, LIMIT, async () => {
      const number = nextQueue();
      await using child = new Child(PROGRAM, { permissions, parameters: [way, "none", number] });
      await child.says("ready");
      await until(() => ownedQueues().has(number), { what: `queue ${number} has an owner` });
      child.kill(signal);
      assert.deepEqual(await child.end(PROMPT), { code: null, signal }, child.errors);
      assert.equal(child.output, "ready\nremove\n");
    });
  }
}

for (const listener of kinds.flatMap((kind) => [`${kind}/before`, `${kind}/after`])) {
  test(`runSync returns where the program listens: ${listener}`, LIMIT, async () => {
    const number = nextQueue();
    await using child = new Child(PROGRAM, {
      permissions,
      parameters: ["runSync", listener, number],
    });
    await child.says("ready");
    child.kill("SIGINT");
    assert.deepEqual(await child.end(PROMPT), { code: 42, signal: null }, child.errors);
    assert.match(
      child.output,
      /^ready\nwithdraw\nreason: signal\n((withdraw|heard)\n)+(remove\n)+$/,
    );
    assert.equal(child.output.match(/heard/g)?.length, 1);
  });
}

for (const way of ["signal before runSync", "signal before forgotten"]) {
  test(`no signal is lost while the thread does not yield: ${way}`, LIMIT, async () => {
    await using child = new Child(PROGRAM, { permissions, parameters: [way, "none", nextQueue()] });
    const end = await child.end(FROM_START);
    assert.deepEqual(end, { code: null, signal: "SIGINT" }, child.errors);
    assert.equal(child.output, way.endsWith("forgotten") ? "" : "remove\n");
  });
}

test("a worker's rules keep no signal from ending the process", LIMIT, async () => {
  await using child = new Child(PROGRAM, { permissions, parameters: ["worker", "none"] });
  await child.says("ready");
  child.kill("SIGINT");
  assert.deepEqual(await child.end(PROMPT), { code: null, signal: "SIGINT" }, child.errors);
});
