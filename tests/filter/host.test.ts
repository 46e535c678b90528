// A filter's life on real packets: the order of its steps, its queues, its rules, its errors.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Filter,
  type FilterContext,
  type Packet,
  PacketQueue,
  queueStatistics,
  Verdict,
} from "../../mod.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { command } from "../support/runtime/command.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { udpText } from "../support/traffic/packets.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { ruleTo, Traced } from "./traced.ts";

requireIsolation();

const limit = { timeout: 30_000 };

/** Nothing of a filter is left in the kernel. */
function assertNothingLeft(traced: Traced): void {
  assert.deepEqual(traced.open, []);
  const listed = command("iptables-save", []).split("\n").filter((line) =>
    line.includes("nfqueue-test-") && line.includes("NFQUEUE")
  );
  assert.deepEqual(listed, []);
}

/** Drops "no", accepts the rest, and writes down its calls. */
function traceable(steps: string[], filter: Partial<Filter> = {}): Filter {
  return {
    start: () => void steps.push("start"),
    stop: () => void steps.push("stop"),
    packet: (packet) => udpText(packet.payload) === "no" ? Verdict.Drop : Verdict.Accept,
    ...filter,
  };
}

test(
  "queues, start, rules; then no rules, the packets that wait, stop, no queues",
  limit,
  async () => {
    using receiver = await UdpSocket.open();
    const traced = new Traced();
    const { steps } = traced;
    const gate = deferred<void>();
    const controller = new AbortController();
    const host = await FilterHost.start(
      traceable(steps, {
        rules: ruleTo(receiver.port),
        async start({ queue, worker, signal, state }: FilterContext) {
          assert.ok(queue instanceof PacketQueue && worker === 0 && !signal.aborted);
          assert.deepEqual(state, {});
          await Promise.resolve();
          steps.push("start");
        },
        async packet(packet) {
          steps.push("packet");
          const text = udpText(packet.payload);
          if (text === "late") await gate.promise;
          return text === "no" ? Verdict.Drop : Verdict.Accept;
        },
        async stop({ signal, queue }: FilterContext) {
          await Promise.resolve();
          steps.push(`stop, aborted ${signal.aborted}, closed ${queue.closed}`);
        },
      }),
      traced.options({ signal: controller.signal }),
    );
    await receiver.sendAll(["yes", "no", "late"], receiver);
    assert.deepEqual(await receiver.take(1), ["yes"]);
    await until(() => host.statistics.received === 3, { what: "three packets" });
    controller.abort();
    await until(() => steps.includes("withdraw"), { what: "no rules" });
    // It is decided by the handler, and not by the end of the queue.
    gate.resolve();
    assert.deepEqual(await receiver.take(1), ["late"]);
    await within(host.ended, { what: "the end" });
    assert.deepEqual(steps, [
      ...["open", "start", "install 1", "packet", "packet", "packet", "withdraw"],
      ...["stop, aborted true, closed false", "close", "remove"],
    ]);
    const { received, accepted, dropped, undecided, outstanding } = host.statistics;
    assert.deepEqual([received, accepted, dropped, undecided, outstanding], [3, 2, 1, 0, 0]);
    assert.deepEqual(traced.messages, []);
    assertNothingLeft(traced);
  },
);

test("a handler alone is a filter; the lowest free number is taken", limit, async () => {
  using receiver = await UdpSocket.open();
  const free = () => {
    const owned = queueStatistics().map(({ queue }) => queue);
    let number = 0;
    while (owned.includes(number)) number++;
    return number;
  };
  const traced = new Traced();
  const lowest = free();
  using _taken = PacketQueue.open(lowest);
  const next = free();
  const handler = (packet: Packet, { queue }: FilterContext) => {
    assert.equal(packet.queue, queue.number);
    return Verdict.Accept;
  };
  const rules = ruleTo(receiver.port);
  const host = await FilterHost.start(handler, traced.options({ rules }));
  assert.deepEqual(host.queues.map(({ number }) => number), [next]);
  await receiver.send("through", receiver);
  assert.deepEqual(await receiver.take(1), ["through"]);
  assert.deepEqual(traced.rules[0]?.packets, [1]);
  await host.stop();
  assert.equal(host.statistics.accepted, 1);
  assertNothingLeft(traced);
});

test("a number that another program takes meanwhile is passed over", limit, async () => {
  const traced = new Traced();
  const others: PacketQueue[] = [];
  const { openQueue } = traced.options();
  const host = await FilterHost.start(() => Verdict.Accept, {
    ...traced.options({ rules: false }),
    openQueue: (number, options) => {
      if (others.length < 3) others.push(PacketQueue.open(number));
      return openQueue!(number, options);
    },
  });
  const [own] = host.queues.map(({ number }) => number);
  assert.equal(others.length, 3);
  assert.ok(others.every(({ number }) => number < own!));
  await host.stop();
  for (const other of others) other.close();
  assertNothingLeft(traced);
});

test("without the option the queues are those that the rules name", limit, async () => {
  using receiver = await UdpSocket.open();
  const traced = new Traced();
  const first = Traced.freeRow(3);
  const host = await FilterHost.start({
    rules: [ruleTo(receiver.port, { from: first, to: first + 1 }), ruleTo(9, first + 2)],
    packet: () => Verdict.Accept,
  }, traced.options());
  assert.deepEqual(host.queues.map(({ number }) => number), [first, first + 1, first + 2]);
  await host.stop();
  assertNothingLeft(traced);
});

test("several queues: a context each, statistics in sum", limit, async () => {
  using one = await UdpSocket.open();
  using other = await UdpSocket.open();
  const traced = new Traced();
  const from = Traced.freeRow(2);
  const seen: unknown[] = [];
  const host = await FilterHost.start({
    rules: [ruleTo(one.port, from), ruleTo(other.port, from + 1)],
    start: ({ worker, state }) => void (state["first"] = worker),
    packet(packet, { queue, worker, state }) {
      seen.push([packet.queue, queue.number, worker, state["first"]]);
      return Verdict.Accept;
    },
    stop: ({ worker }) => void traced.steps.push(`stop ${worker}`),
  }, traced.options({ queues: { from, to: from + 1 } }));
  await one.send("one", one);
  await one.take(1);
  await other.send("other", other);
  await other.take(1);
  assert.deepEqual(seen, [[from, from, 0, 0], [from + 1, from + 1, 1, 1]]);
  await host.stop();
  assert.equal(host.statistics.accepted, 2);
  assert.deepEqual(traced.steps, [
    ...["open", "open", "install 2", "withdraw", "stop 0", "stop 1", "close", "close", "remove"],
  ]);
  assertNothingLeft(traced);
});

test("rules without a queue get the whole range, rules: false installs none", limit, async () => {
  using receiver = await UdpSocket.open();
  const traced = new Traced();
  const from = Traced.freeRow(2);
  const filter: Filter = {
    rules: { ...ruleTo(receiver.port), balance: "addresses" },
    packet: () => Verdict.Drop,
  };
  const queues = { from, to: from + 1 };
  const host = await FilterHost.start(filter, {
    ...traced.options({ queues }),
    installRules: (rules) => {
      assert.deepEqual(rules, [{ ...ruleTo(receiver.port), balance: "addresses", queue: queues }]);
      return traced.options().installRules([ruleTo(receiver.port, queues)]);
    },
  });
  await receiver.send("dropped", receiver);
  await until(() => host.statistics.dropped === 1, { what: "a packet" });
  await host.stop();
  const none = await FilterHost.start(filter, traced.options({ queues: from, rules: false }));
  assert.deepEqual(none.rules, []);
  await receiver.send("passes", receiver);
  assert.deepEqual(await receiver.take(1), ["passes"]);
  await none.stop();
  assertNothingLeft(traced);
});

const mistake = new Error("on purpose");

test("what goes wrong at the beginning comes out, and nothing is left", limit, async () => {
  using receiver = await UdpSocket.open();
  const from = Traced.freeRow(3);
  const cases: Record<string, (traced: Traced) => Partial<Filter>> = {
    "open": (traced) => {
      traced.failing.open = mistake;
      return {};
    },
    "start, start 2 throws, stop": ({ steps }) => ({
      start: ({ worker }) => {
        steps.push(worker === 0 ? "start" : "start 2 throws");
        if (worker === 1) throw mistake;
      },
    }),
    "start, rejects": ({ steps }) => ({
      start: async () => {
        steps.push("start");
        await Promise.resolve();
        throw mistake;
      },
    }),
    "install": (traced) => {
      traced.failing.install = mistake;
      return {};
    },
  };
  const expected: Record<string, readonly string[]> = {
    "open": [],
    "start, start 2 throws, stop": [
      ...["open", "open", "start", "start 2 throws", "stop", "close", "close"],
    ],
    "start, rejects": ["open", "open", "start", "close", "close"],
    "install": ["open", "open", "start", "start", "stop", "stop", "close", "close"],
  };
  for (const [name, change] of Object.entries(cases)) {
    const traced = new Traced();
    const filter = traceable(traced.steps, {
      rules: ruleTo(receiver.port),
      ...change(traced),
    });
    const queues = { from, to: from + 1 };
    const starting = FilterHost.start(filter, traced.options({ queues }));
    await assert.rejects(starting, (error) => error === mistake, name);
    assert.deepEqual(traced.steps, expected[name], name);
    assertNothingLeft(traced);
  }
});

test("a queue in the middle that is another's: those before it are closed", limit, async () => {
  const traced = new Traced();
  const from = Traced.freeRow(3);
  using _other = PacketQueue.open(from + 1);
  const queues = { from, to: from + 2 };
  const starting = FilterHost.start(() => Verdict.Accept, traced.options({ queues }));
  await assert.rejects(starting, { name: "SystemError", code: "EPERM" });
  assert.deepEqual(traced.steps, ["open", "close"]);
});

test("an abort while start is under way: no rule is installed, stop is called", limit, async () => {
  const traced = new Traced();
  const { steps } = traced;
  const controller = new AbortController();
  const filter = traceable(steps, {
    rules: ruleTo(9),
    async start({ signal }) {
      steps.push("start");
      const { promise, resolve } = deferred<void>();
      signal.addEventListener("abort", () => resolve());
      controller.abort();
      await promise;
      steps.push("started");
    },
  });
  const host = await FilterHost.start(filter, traced.options({ signal: controller.signal }));
  await within(host.ended, { what: "the end" });
  assert.deepEqual(steps, ["open", "start", "started", "stop", "close"]);
  // A start that hears nothing of it is waited for a second.
  const deaf = traceable(steps, { start: () => new Promise(() => {}) });
  const late = new AbortController();
  const starting = FilterHost.start(deaf, traced.options({ signal: late.signal }));
  late.abort();
  await within(starting, { what: "the host to give up" });
  assertNothingLeft(traced);
  // And one that was aborted before is not begun.
  steps.length = 0;
  const none = await FilterHost.start(filter, traced.options({ signal: late.signal }));
  await none.ended;
  assert.deepEqual(steps, []);
  assert.equal(none.statistics.received, 0);
});

test("what stop throws comes out behind everything else", limit, async () => {
  const traced = new Traced();
  const from = Traced.freeRow(2);
  const filter = traceable(traced.steps, {
    rules: ruleTo(9),
    stop: ({ worker }) => {
      traced.steps.push(`stop ${worker}`);
      if (worker === 0) throw mistake;
    },
  });
  const queues = { from, to: from + 1 };
  const host = await FilterHost.start(filter, traced.options({ queues }));
  await assert.rejects(host.stop(), (error) => error === mistake);
  await assert.rejects(host.ended, (error) => error === mistake);
  assert.deepEqual(traced.steps.slice(-6), [
    ...["withdraw", "stop 0", "stop 1", "close", "close", "remove"],
  ]);
  assert.equal(traced.messages.length, 1);
  assert.match(traced.messages[0]!, /the filter's stop failed: Error: on purpose/);
  assertNothingLeft(traced);
});

test("rules that cannot be removed come out, and the queues are closed", limit, async () => {
  const traced = new Traced();
  const host = await FilterHost.start(
    traceable(traced.steps, { rules: ruleTo(9) }),
    traced.options(),
  );
  traced.failing.replace = new Error("gone already");
  traced.failing.remove = mistake;
  await assert.rejects(host.stop(), (error) => error === mistake);
  assert.deepEqual(traced.steps, ["open", "start", "install 1", "stop", "close", "remove"]);
  assertNothingLeft(traced);
});

test("a queue that the filter closes ends it in order", limit, async () => {
  using receiver = await UdpSocket.open();
  const traced = new Traced();
  const from = Traced.freeRow(2);
  const host = await FilterHost.start(
    traceable(traced.steps, {
      rules: ruleTo(receiver.port, from),
      packet: (packet, { queue }) => {
        packet.accept();
        queue.close();
      },
    }),
    traced.options({ queues: { from, to: from + 1 } }),
  );
  await receiver.send("last", receiver);
  assert.deepEqual(await receiver.take(1), ["last"]);
  await within(host.ended, { what: "the end" });
  assert.equal(host.statistics.accepted, 1);
  assertNothingLeft(traced);
});

for (const way of ["throws", "rejects"]) {
  test(`a handler that ${way}: logged, decided, and it lives on`, limit, async () => {
    using receiver = await UdpSocket.open();
    const policies: readonly (readonly [Filter["options"], boolean])[] = [
      [undefined, false],
      [{ onError: Verdict.Accept }, true],
      [{ onError: Verdict.Accept, onHandlerError: Verdict.Drop }, false],
      [{ onHandlerError: (error) => error === mistake ? Verdict.Accept : Verdict.Drop }, true],
      [{
        onHandlerError: () => {
          throw new Error("the policy itself");
        },
      }, false],
    ];
    for (const [options, passes] of policies) {
      const traced = new Traced();
      const decide = (packet: Packet): Verdict => {
        if (udpText(packet.payload) === "bad") throw mistake;
        return Verdict.Accept;
      };
      const host = await FilterHost.start({
        options,
        rules: ruleTo(receiver.port),
        packet: way === "throws" ? decide : async (packet) => {
          await Promise.resolve();
          return decide(packet);
        },
      }, traced.options());
      for (let count = 0; count < 20; count++) await receiver.send("bad", receiver);
      await receiver.send("good", receiver);
      const texts = [...passes ? Array.from({ length: 20 }, () => "bad") : [], "good"];
      assert.deepEqual((await receiver.take(texts.length)).sort(), texts);
      await until(() => host.statistics.outstanding === 0, { what: "all are decided" });
      assert.equal(host.statistics.handlerErrors, 20);
      const verdict = passes ? "Accept" : "Drop";
      const [message = "", ...others] = traced.messages;
      assert.match(message, new RegExp(`handler failed, packet \\d+ got ${verdict}: .*on purpose`));
      assert.match(message, /host\.test/, "it tells where");
      // A flood of errors is one line, and their number at the end.
      assert.deepEqual(others, []);
      await host.stop();
      assert.equal(traced.messages.length, 2);
      assert.match(traced.messages[1]!, /on purpose.*: 19 more like it since/);
      assertNothingLeft(traced);
    }
  });
}

test('onHandlerError: "throw" by name ends the filter with that error', limit, async () => {
  using receiver = await UdpSocket.open();
  const traced = new Traced();
  const filter = traceable(traced.steps, {
    rules: ruleTo(receiver.port),
    options: { onHandlerError: "throw" },
    packet: () => {
      throw mistake;
    },
  });
  const host = await FilterHost.start(filter, traced.options());
  await receiver.send("bad", receiver);
  await assert.rejects(within(host.ended, { what: "the end" }), (error) => error === mistake);
  assert.deepEqual(traced.steps.slice(-4), ["withdraw", "stop", "close", "remove"]);
  assert.equal(host.statistics.dropped, 1);
  assertNothingLeft(traced);
});

test("packets that are forgotten are told of once", limit, async () => {
  using receiver = await UdpSocket.open();
  const traced = new Traced();
  const host = await FilterHost.start({
    options: { onError: Verdict.Accept },
    rules: ruleTo(receiver.port),
    packet() {},
  }, traced.options());
  await receiver.sendAll(["one", "two", "three"], receiver);
  await receiver.take(3);
  await host.stop();
  const [message = "", rest = "", ...others] = traced.messages;
  assert.match(
    message,
    /packet \d+ got the verdict Accept from the queue: it was left without one/,
  );
  assert.match(rest, /2 more like it/);
  assert.deepEqual(others, []);
});

test(
  "a packet that is never decided keeps the end waiting a second, no longer",
  limit,
  async () => {
    using receiver = await UdpSocket.open();
    const traced = new Traced();
    const host = await FilterHost.start({
      rules: ruleTo(receiver.port),
      options: { onError: Verdict.Accept },
      packet: (packet) => packet.hold(),
    }, traced.options());
    await receiver.send("held", receiver);
    await until(() => host.statistics.received === 1, { what: "a packet" });
    const began = performance.now();
    await host.stop();
    const took = performance.now() - began;
    assert.ok(took > 900 && took < 4000, `${took} ms`);
    assert.deepEqual(await receiver.take(1), ["held"]);
    assertNothingLeft(traced);
  },
);
