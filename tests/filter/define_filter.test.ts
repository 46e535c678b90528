// What defineFilter and runFilter say of wrong filters and options, before anything is opened.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineFilter, type Filter, runFilter, Verdict } from "../../mod.ts";

const limit = { timeout: 20_000 };
const packet = (): Verdict => Verdict.Accept;

test("a right filter comes back as it was given", limit, () => {
  const filters: Filter[] = [
    { packet },
    { packet, rules: [], options: {}, start() {}, stop: async () => {} },
    { packet, rules: { hook: "output", balance: "flow" }, options: { copyRange: 0 } },
    { packet, rules: [{ hook: "input", queue: { from: 1, to: 3 }, bypass: false }] },
    { packet, rules: undefined, options: undefined },
  ];
  for (const filter of filters) assert.equal(defineFilter(filter), filter);
  class Own {
    verdict: undefined;
    packet(): Verdict {
      return Verdict.Drop;
    }
  }
  assert.throws(() => defineFilter(new Own()), /filter has no "verdict"/);
});

const rule = { hook: "output" } as const;

/** What is wrong, and what the error says. */
const WRONG: readonly (readonly [value: unknown, error: RegExp])[] = [
  [undefined, /filter must be an object, got undefined/],
  [null, /filter must be an object, got null/],
  ["accept", /filter must be an object, got "accept"/],
  [{}, /filter\.packet must be a function, got undefined/],
  [{ packet: Verdict.Accept }, /filter\.packet must be a function, got 1/],
  [{ handler: packet }, /filter has no "handler"; it knows it as packet/],
  [{ packet, onPacket: packet }, /filter has no "onPacket"; it knows it as packet/],
  [{ packet, setup: packet }, /filter has no "setup"; it knows it as start/],
  [{ packet, close: packet }, /filter has no "close"; it knows it as stop/],
  [{ packet, rule }, /filter has no "rule"; it knows it as rules/],
  [{ packet, ruels: [rule] }, /filter has no "ruels"; it knows rules/],
  [{ packet, colour: 1 }, /filter has no "colour"; it knows rules, options, packet, start, stop/],
  [{ packet, start: true }, /filter\.start must be a function, got true/],
  [{ packet, stop: {} }, /filter\.stop must be a function, got an object/],
  [{ packet, rules: 5 }, /rules must be an object, got 5/],
  [{ packet, rules: {} }, /rules\.hook must be one of/],
  [{ packet, rules: [rule, { hook: "outptu" }] }, /rules\[1\]\.hook must be one of .*"outptu"/],
  [{ packet, rules: [{ ...rule, port: 5 }] }, /rules\[0\] has no "port"/],
  [{ packet, rules: { ...rule, queue: 65536 } }, /rules\.queue must be an integer from 0 to 65535/],
  [{ packet, options: 5 }, /options must be an object, got 5/],
  [{ packet, options: { copyRange: -1 } }, /copyRange must be an integer from 0 to 65531/],
  [{ packet, options: { snaplen: 5 } }, /options has no "snaplen"; it knows it as copyRange/],
];

test("a wrong filter is refused, and its field named", limit, async () => {
  for (const [value, error] of WRONG) {
    assert.throws(() => defineFilter(value as Filter), error);
    await assert.rejects(runFilter(value as Filter), error);
  }
  // A host takes a handler alone; there is nothing to define in it.
  assert.throws(() => defineFilter(packet as unknown as Filter), /filter must be an object/);
});

const OPTIONS: readonly (readonly [options: unknown, error: RegExp])[] = [
  [5, /options must be an object/],
  [{ queue: 5 }, /options has no "queue"; it knows it as queues/],
  [{ queues: "5" }, /queues must be a number or \{ from, to \}, got "5"/],
  [{ queues: 65536 }, /queues must be an integer from 0 to 65535, got 65536/],
  [{ queues: null }, /queues must be a number or \{ from, to \}, got null/],
  [{ queues: { from: 1 } }, /queues\.to must be a number/],
  [{ queues: { from: 2, to: 1 } }, /queues: from 2 is after to 1/],
  [{ queues: { from: 0, to: 256 } }, /queues 0 to 256 are 257, and a filter reads 256 at most/],
  [
    { rules: { ...rule, queue: { from: 0, to: 65534 } } },
    /queues 0 to 65534 are 65535, and a filt/,
  ],
  [{ queues: { from: 2, until: 1 } }, /queues has no "until"/],
  [{ rules: true }, /rules must be an object, got true/],
  [{ rules: [{ hook: "out" }] }, /rules\[0\]\.hook must be one of/],
  [{ signal: 5 }, /signal must be an AbortSignal/],
  [{ log: "console" }, /log must be a function, got "console"/],
  [
    { queues: 7, rules: [{ ...rule, queue: 8 }] },
    /rules\[0\]\.queue: the filter serves queue 7, so/,
  ],
  [
    { queues: { from: 7, to: 9 }, rules: { ...rule, queue: { from: 9, to: 10 } } },
    /rules\.queue: the filter serves queues 7 to 9, so nobody would read queue 10/,
  ],
  [
    { rules: [{ ...rule, queue: 3 }, { ...rule, queue: 5 }, rule] },
    /rules\[2\]\.queue is missing, and the queues 3, 5 are no range/,
  ],
];

test("wrong options of runFilter are refused before a queue is opened", limit, async () => {
  for (const [options, error] of OPTIONS) {
    await assert.rejects(runFilter(packet, options as { queues: number }), error);
  }
});
