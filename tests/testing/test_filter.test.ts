// A filter in the test kit: its life, its errors, and which packets its rules give it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineFilter, type Filter, QueueClosedError, Verdict } from "../../mod.ts";
import { deferred } from "../support/runtime/waiting.ts";
import { testFilter } from "../../src/testing/mod.ts";

const timeout = 10_000;
const ipv4 = { source: "192.0.2.1", destination: "192.0.2.2" };
const udp = { sourcePort: 4000, destinationPort: 53 };
const dns = { ipv4, udp };
const other = { ipv4, udp: { ...udp, destinationPort: 54 } };
const dropAll: Filter["packet"] = () => Verdict.Drop;

test("a filter lives as under runFilter", { timeout }, async () => {
  const steps: string[] = [];
  const filter = defineFilter({
    rules: { hook: "output", protocol: "udp", destinationPort: 53, queue: 7 },
    options: { copyRange: 64 },
    async start({ queue, worker }) {
      await Promise.resolve();
      steps.push(`start ${queue.number} ${worker}`);
    },
    async packet(packet, { state, signal }) {
      await Promise.resolve();
      state["count"] = Number(state["count"] ?? 0) + 1;
      steps.push(`packet ${packet.queue} ${packet.hook} ${state["count"]} ${signal.aborted}`);
      packet.accept({ mark: 5 });
    },
    stop({ signal }) {
      steps.push(`stop ${signal.aborted}`);
    },
  });
  const kit = testFilter(filter);
  const results = await Promise.all([kit.send(dns), kit.send(dns)]);
  assert.deepEqual(results.map(({ verdict, mark, queue }) => [verdict, mark, queue]), [
    ...[[Verdict.Accept, 5, 7], [Verdict.Accept, 5, 7]],
  ]);
  await kit.stop();
  await kit.stop();
  await assert.rejects(kit.send(dns), new QueueClosedError(7));
  assert.deepEqual(steps, [
    ...["start 7 0", "packet 7 output 1 false", "packet 7 output 2 false", "stop true"],
  ]);
});

test("what no rule catches passes", { timeout }, async () => {
  await using kit = testFilter({
    rules: { hook: "output", protocol: "udp", destinationPort: 53 },
    packet: dropAll,
  });
  const passed = await kit.send(other, { mark: 3 });
  assert.deepEqual(
    [passed.verdict, passed.mark, passed.queued, passed.queue, passed.cause, passed.sent],
    [Verdict.Accept, 3, false, undefined, "no rule", []],
  );
  assert.equal((await kit.send(dns)).queued, true);
  assert.equal((await kit.send(dns, { hook: "input" })).queued, false);
  // The test may know better.
  assert.equal((await kit.send(other, { queued: true })).verdict, Verdict.Drop);
  assert.equal((await kit.send(dns, { queued: false })).verdict, Verdict.Accept);
});

test("a filter without rules, or a handler alone, gets every packet", { timeout }, async () => {
  await using kit = testFilter(dropAll);
  const result = await kit.send(dns);
  assert.deepEqual([result.verdict, result.queued, result.queue], [Verdict.Drop, true, 0]);
  await using elsewhere = testFilter(dropAll, { queues: { from: 4, to: 6 } });
  assert.equal((await elsewhere.send(dns)).queue, 4);
  assert.equal((await elsewhere.send(dns, { queue: 6 })).queue, 6);
  await assert.rejects(elsewhere.send(dns, { queue: 7 }), /queue 7: the rule sends it to 4 to 6/);
});

test("the first rule by priority says the queue", { timeout }, async () => {
  await using kit = testFilter({
    rules: [
      { hook: "output", protocol: "udp", queue: 1 },
      { hook: "output", destinationPort: 53, priority: "raw", queue: { from: 2, to: 3 } },
    ],
    packet: dropAll,
  });
  assert.equal((await kit.send(other)).queue, 1);
  assert.equal((await kit.send(dns)).queue, 2);
  assert.equal((await kit.send(dns, { queue: 3 })).queue, 3);
});

test("what a test cannot know it must tell", { timeout }, async () => {
  const kitOf = (fields: object) =>
    testFilter({ rules: { hook: "output", ...fields }, packet: dropAll });
  const untold: readonly [object, RegExp][] = [
    [{ state: "new" }, /rules\[0\]\.state: the test does not tell.*\{ state \} or \{ queued: true/],
    [{ not: { state: "new" } }, /rules\[0\]\.state/],
    [{ firstPackets: 3 }, /rules\[0\]\.firstPackets: .* Send it with \{ queued: true \}/],
    [{ expression: "udp length 8" }, /rules\[0\]\.expression/],
  ];
  for (const [fields, message] of untold) {
    await using kit = kitOf(fields);
    await assert.rejects(kit.send(dns), message);
    assert.equal((await kit.send(dns, { queued: true })).queued, true);
  }
  await using states = kitOf({ state: ["new", "related"] });
  assert.equal((await states.send(dns, { state: "related" })).queued, true);
  assert.equal((await states.send(dns, { state: "established" })).queued, false);
  assert.equal((await states.send(dns, { conntrack: {} })).queued, true);
  assert.equal((await states.send(dns, { conntrack: { state: "ESTABLISHED" } })).queued, false);
  // A field that does not fit decides: the state does not matter then.
  await using both = kitOf({ state: "new", protocol: "tcp" });
  assert.equal((await both.send(dns)).queued, false);
  await using users = kitOf({ user: ["alice", 7] });
  assert.equal((await users.send(dns)).queued, false);
  assert.equal((await users.send(dns, { user: "alice" })).queued, true);
  assert.equal((await users.send(dns, { uid: 7 })).queued, true);
  assert.equal((await users.send(dns, { uid: 8, user: "bob" })).queued, false);
  await assert.rejects(users.send(dns, { uid: 8 }), /rules\[0\]\.user: /);
  await assert.rejects(users.send(dns, { user: "bob" }), /rules\[0\]\.uid: /);
});

test("a handler that throws: the packet's verdict, and the error", { timeout }, async () => {
  const lines: string[] = [];
  await using kit = testFilter({
    options: { onError: Verdict.Accept },
    packet: () => {
      throw new Error("mine");
    },
  }, { log: (line) => lines.push(line) });
  const { verdict, undecided, error } = await kit.send(dns);
  assert.deepEqual([verdict, undecided, error], [Verdict.Accept, "error", new Error("mine")]);
  assert.match(lines[0] ?? "", /the handler failed, packet 1 got Accept: Error: mine/);
  assert.equal((await kit.send(dns)).undecided, "error");
});

test("what ends the filter is thrown to who sends, and who stops it", { timeout }, async () => {
  const ended = testFilter({
    options: { onHandlerError: "throw" },
    packet: () => {
      throw new Error("mine");
    },
  }, { log: () => {} });
  assert.equal((await ended.send(dns)).undecided, "error");
  await assert.rejects(ended.send(dns), new Error("mine"));
  await assert.rejects(ended.stop(), new Error("mine"));
  const unstarted = testFilter({
    packet: dropAll,
    start: () => {
      throw new Error("no start");
    },
  });
  await assert.rejects(unstarted.send(dns), new Error("no start"));
  await assert.rejects(unstarted.stop(), new Error("no start"));
});

test("a packet that waits when the filter ends", { timeout }, async () => {
  const held = deferred<void>();
  const kit = testFilter((packet) => {
    packet.hold();
    held.resolve();
  });
  const rejected = assert.rejects(kit.send(dns), QueueClosedError);
  await held.promise;
  kit[Symbol.dispose]();
  await rejected;
});

test("deadlines", { timeout }, async () => {
  let held = 0;
  await using kit = testFilter({
    options: { deadline: { milliseconds: 60_000, verdict: Verdict.Accept }, warn: false },
    packet: (packet) => {
      held++;
      packet.hold();
    },
  });
  const sending = kit.send(dns);
  await kit.advance(60_000);
  const { verdict, undecided } = await sending;
  assert.deepEqual([verdict, undecided, held], [Verdict.Accept, "deadline", 1]);
});

test("what is wrong is said", { timeout }, async () => {
  assert.throws(() => testFilter(undefined as never), /filter/);
  assert.throws(() => testFilter({ packet: dropAll, rules: { hook: "here" as never } }), /hook/);
  assert.throws(() => testFilter(dropAll, { rules: false } as never), /rules/);
  await using kit = testFilter(dropAll);
  await assert.rejects(kit.send(new Uint8Array(3)), /whole IPv4 or IPv6 packet/);
  await assert.rejects(kit.send(dns, { state: "NEW" as never }), /state must be one of new, /);
  await assert.rejects(kit.send(dns, { queued: 1 as never }), /queued/);
  await assert.rejects(kit.send(dns, { user: 7 as never }), /user/);
  await assert.rejects(testFilter(dropAll, { queues: -1 }).send(dns), RangeError);
});
