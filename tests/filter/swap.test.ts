// A filter is replaced while packets flow: none is lost, none is decided twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Filter, type FilterContext, type Packet, Verdict } from "../../mod.ts";
import { queueStatistics } from "../../mod.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { installRules } from "../../src/filter/system_rules.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { udpText } from "../support/traffic/packets.ts";
import { NumberedTraffic } from "../support/traffic/numbered.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { ruleTo, Traced } from "./traced.ts";

requireIsolation();

const limit = { timeout: 30_000 };
const rate = 2000;
const swaps = 50;
const packetsEach = 40;
const mistake = new Error("on purpose");

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

/** How the filter of each turn decides, and what it does at its beginning and its end. */
const ways: Readonly<Record<string, (decide: (packet: Packet) => Verdict) => Filter>> = {
  "sync": (decide) => ({ packet: decide }),
  "promises": (decide) => ({
    packet: async (packet) => {
      await turn();
      return decide(packet);
    },
  }),
  "promises, start and stop": (decide) => ({
    packet: async (packet, { state }) => {
      await turn();
      assert.equal(state["open"], true, "it is between start and stop");
      return decide(packet);
    },
    async start({ state }) {
      assert.ok(!state["open"], "one at a time");
      await turn();
      state["open"] = true;
    },
    async stop({ state }) {
      await turn();
      state["open"] = false;
    },
  }),
};

for (const [way, make] of Object.entries(ways)) {
  for (const replacesRules of [false, true]) {
    const what = replacesRules ? "filter and rules" : "filter";
    test(`${way}: ${swaps} times another ${what} under ${rate} packets/s, 0 lost, 0 twice`, {
      timeout: 60_000,
    }, async () => {
      await using traffic = await NumberedTraffic.open();
      const traced = new Traced();
      /** By turn, the numbers that its filter decided about. */
      const decided: number[][] = [];
      const filterOf = (at: number): Filter => {
        const numbers: number[] = decided[at] = [];
        const filter = make((packet) => {
          numbers.push(Number(udpText(packet.payload)));
          return Verdict.Accept;
        });
        const other = replacesRules ? [ruleTo(40_000 + at % 2)] : [];
        return { ...filter, rules: [...other, ruleTo(traffic.port)] };
      };
      const host = await FilterHost.start(filterOf(0), traced.options({ installRules }));
      await traffic.begin(rate);
      for (let at = 1; at <= swaps; at++) {
        // Each filter gets some packets.
        const due = host.statistics.received + packetsEach;
        const state =
          () => [host.statistics, queueStatistics(host.queues[0]!.number), traffic.said];
        await until(() => host.statistics.received >= due, { what: `packet ${due}`, state });
        await host.swap(filterOf(at));
      }
      const sent = await traffic.stop();
      const state = () => host.statistics;
      await until(() => state().accepted === sent, { what: "all are accepted", state });
      await traffic.assertWhole(sent, decided.flat());
      await host.stop();
      assert.equal(state().accepted, sent);
      assert.deepEqual([state().handlerErrors, state().verdictErrors], [0, 0]);
      const busy = decided.filter((numbers) => numbers.length > 0).length;
      assert.ok(busy > swaps * 0.6, `only ${busy} filters had packets: it was not under load`);
      assert.deepEqual(traced.messages, []);
    });
  }
}

/** A host with a filter that writes down its calls, and a receiver behind it. */
async function staged(
  steps: string[],
  filter: (name: string) => Partial<Filter>,
): Promise<
  { traced: Traced; receiver: UdpSocket; host: FilterHost; make: (name: string) => Filter }
> {
  const receiver = await UdpSocket.open();
  const traced = new Traced();
  const make = (name: string): Filter => ({
    rules: ruleTo(receiver.port),
    start: () => void steps.push(`start ${name}`),
    stop: ({ signal }) => void steps.push(`stop ${name}${signal.aborted ? "" : ", not aborted"}`),
    packet(packet) {
      steps.push(`${name} ${udpText(packet.payload)}`);
      return Verdict.Accept;
    },
    ...filter(name),
  });
  const host = await FilterHost.start(make("one"), traced.options());
  return { traced, receiver, host, make };
}

test("the old one's promises settle, stop, start; meanwhile packets wait", limit, async () => {
  const steps: string[] = [];
  const gate = deferred<void>();
  const starting = deferred<void>();
  const { receiver, host, make } = await staged(steps, (name) => ({
    async packet(packet) {
      const text = udpText(packet.payload);
      if (name === "one") await gate.promise;
      steps.push(`${name} ${text}`);
      return Verdict.Accept;
    },
    async start({ state }: FilterContext) {
      if (name === "two") await starting.promise;
      state["count"] = Number(state["count"] ?? 0) + 1;
      steps.push(`start ${name}, count ${state["count"]}`);
    },
  }));
  using _receiver = receiver;
  await receiver.send("a", receiver);
  await until(() => host.statistics.received === 1, { what: "a packet" });
  const swapped = host.swap(make("two"));
  await receiver.send("b", receiver);
  await until(() => host.statistics.received === 2, { what: "another packet" });
  assert.deepEqual(steps, ["start one, count 1"]);
  gate.resolve();
  await until(() => steps.includes("stop one"), { what: "the old one stops" });
  starting.resolve();
  await swapped;
  assert.deepEqual((await receiver.take(2)).sort(), ["a", "b"]);
  assert.deepEqual(steps, [
    ...["start one, count 1", "one a", "stop one", "start two, count 2", "two b"],
  ]);
  await host.stop();
  assert.equal(steps.at(-1), "stop two");
});

test(
  "a promise that does not end is waited for a second; its packet is its own",
  limit,
  async () => {
    const steps: string[] = [];
    const gate = deferred<void>();
    const { receiver, host, make } = await staged(steps, (name) => ({
      async packet(packet) {
        const text = udpText(packet.payload);
        if (name === "one") await gate.promise;
        steps.push(`${name} ${text}`);
        return Verdict.Accept;
      },
    }));
    using _receiver = receiver;
    await receiver.send("a", receiver);
    await until(() => host.statistics.received === 1, { what: "a packet" });
    await within(host.swap(make("two")), { what: "the swap" });
    await receiver.send("b", receiver);
    assert.deepEqual(await receiver.take(1), ["b"]);
    gate.resolve();
    assert.deepEqual(await receiver.take(1), ["a"]);
    assert.deepEqual(steps, ["start one", "stop one", "start two", "two b", "one a"]);
    await host.stop();
  },
);

test("a wrong filter, or one whose start throws, changes nothing", limit, async () => {
  const steps: string[] = [];
  const { receiver, host, make, traced } = await staged(steps, () => ({}));
  using _receiver = receiver;
  const number = host.queues[0]!.number;
  const rules = [ruleTo(receiver.port), ruleTo(9)];
  const wrong: readonly (readonly [Filter, RegExp, string[]])[] = [
    [{ ...make("x"), handler: 1 } as unknown as Filter, /filter has no "handler"/, []],
    [
      { ...make("x"), rules: [{ hook: "output", queue: 65535 }] },
      /rules\[0\]\.queue: the filt/,
      [],
    ],
    [{ ...make("x"), options: { copyRange: -1 } }, /copyRange/, []],
    [
      {
        ...make("x"),
        options: { copyRange: 50, maxLength: 77 },
        rules,
        start: () => Promise.reject(mistake),
      },
      /on purpose/,
      ["stop one", "start one"],
    ],
  ];
  for (const [filter, error, called] of wrong) {
    steps.length = 0;
    await assert.rejects(host.swap(filter), error);
    assert.deepEqual(steps, called);
    await receiver.send("still", receiver);
    assert.deepEqual(await receiver.take(1), ["still"]);
    assert.equal(steps.at(-1), "one still");
    assert.equal(queueStatistics(number)?.copyRange, 65531);
    assert.equal(traced.rules[0]?.packets.length, 1);
  }
  traced.failing.replace = mistake;
  steps.length = 0;
  await assert.rejects(host.swap({ ...make("x"), rules }), (error) => error === mistake);
  assert.deepEqual(steps, []);
  delete traced.failing.replace;
  await host.stop();
});

test("a start or a stop that does not end holds up packets for a time only", limit, async () => {
  using receiver = await UdpSocket.open();
  const steps: string[] = [];
  const late = deferred<void>();
  const traced = new Traced();
  const make = (name: string, more: Partial<Filter> = {}): Filter => ({
    rules: ruleTo(receiver.port),
    packet: (packet) => {
      steps.push(`${name} ${udpText(packet.payload)}`);
      return Verdict.Accept;
    },
    start: ({ signal }) => {
      signal.addEventListener("abort", () => steps.push(`abort ${name}`));
    },
    stop: () => void steps.push(`stop ${name}`),
    ...more,
  });
  const host = await FilterHost.start(make("one"), traced.options({ patience: 200 }));
  const hanging = host.swap(make("two", { start: () => late.promise }));
  await until(() => steps.includes("stop one"), { what: "the old one stops" });
  await receiver.send("a", receiver);
  await assert.rejects(hanging, /the filter's start took longer than 0\.2 s/);
  assert.deepEqual(await receiver.take(1), ["a"]);
  assert.equal(steps.at(-1), "one a");
  late.resolve();
  // What it has begun after all comes to its end.
  await until(() => steps.includes("stop two"), { what: "the late one is stopped" });
  await host.swap(make("three", { stop: () => new Promise(() => {}) }));
  const swapped = host.swap(make("four"));
  await receiver.send("b", receiver);
  await swapped;
  assert.deepEqual(await receiver.take(1), ["b"]);
  assert.equal(steps.at(-1), "four b");
  assert.match(traced.messages.at(-1)!, /stop failed: .*it took longer than 0\.2 s/);
  await host.stop();
  assert.equal(steps.at(-1), "stop four");
});

test("where the old one cannot start again either, that ends the filter", limit, async () => {
  const steps: string[] = [];
  let starts = 0;
  const { receiver, host, make, traced } = await staged(steps, (name) => ({
    start: () => {
      starts++;
      if (name === "two") throw mistake;
      if (starts > 1) throw new Error("cannot start again");
    },
  }));
  using _receiver = receiver;
  await assert.rejects(host.swap(make("two")), (error) => error === mistake);
  await assert.rejects(within(host.ended, { what: "the end" }), /cannot start again/);
  assert.deepEqual(traced.steps.slice(-3), ["withdraw", "close", "remove"]);
  assert.deepEqual(traced.open, []);
  await assert.rejects(host.swap(make("three")), /the filter has ended/);
});

test("options that can change do, the others are named; so are rules", limit, async () => {
  const steps: string[] = [];
  const { receiver, host, make } = await staged(steps, () => ({}));
  using _receiver = receiver;
  const [queue] = host.queues;
  const statistics = () => queueStatistics(queue!.number);
  const unchanged = { changed: [], needRestart: [] };
  assert.deepEqual(await host.swap(make("two")), { rulesReplaced: false, options: unchanged });
  const options = { copyRange: 60, maxLength: 3, uidGid: true, batchSize: 8, concurrency: 5 };
  assert.deepEqual(await host.swap({ ...make("three"), options }), {
    rulesReplaced: false,
    options: {
      changed: ["copyRange", "maxLength", "uidGid"],
      needRestart: ["batchSize", "concurrency"],
    },
  });
  assert.equal(statistics()?.copyRange, 60);
  const rules = [ruleTo(9), ruleTo(receiver.port)];
  const packet = (packet: Packet): Verdict => {
    steps.push(`uid ${typeof packet.uid}`);
    return Verdict.Accept;
  };
  const third = await host.swap({ ...make("four"), options, rules, packet });
  assert.deepEqual(third, {
    rulesReplaced: true,
    // They differ still from those that the queue was opened with.
    options: { changed: [], needRestart: ["batchSize", "concurrency"] },
  });
  await receiver.send("x", receiver);
  await receiver.take(1);
  assert.equal(steps.at(-1), "uid number");
  // A handler's error is asked of the filter that is at work.
  const failing = { onHandlerError: Verdict.Accept, maxLength: 500 };
  const last = await host.swap({
    rules: [],
    options: failing,
    packet: () => {
      throw mistake;
    },
  });
  assert.deepEqual(last, {
    rulesReplaced: true,
    options: { changed: ["copyRange", "maxLength", "uidGid"], needRestart: [] },
  });
  assert.equal(statistics()?.copyRange, 65531);
  await receiver.send("no rule", receiver);
  assert.deepEqual(await receiver.take(1), ["no rule"]);
  await host.swap({
    options: failing,
    rules: ruleTo(receiver.port),
    packet: () => {
      throw mistake;
    },
  });
  await receiver.send("a rule", receiver);
  assert.deepEqual(await receiver.take(1), ["a rule"]);
  assert.equal(host.statistics.handlerErrors, 1);
  await host.stop();
});

test("the end comes while a swap is under way: all is stopped, once", limit, async () => {
  const steps: string[] = [];
  const { receiver, host, make, traced } = await staged(steps, (name) => ({
    async start({ signal }) {
      steps.push(`start ${name}`);
      if (name === "one") return;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }));
  using _receiver = receiver;
  const swapped = host.swap(make("two")).catch((error: unknown) => error);
  await until(() => steps.includes("start two"), { what: "the new one starts" });
  await within(host.stop(), { what: "the end" });
  await within(swapped, { what: "the swap" });
  assert.deepEqual(steps, ["start one", "stop one", "start two", "stop two"]);
  assert.deepEqual(traced.open, []);
});

test("swaps that are asked for at once come one after the other", limit, async () => {
  const steps: string[] = [];
  const { receiver, host, make } = await staged(steps, () => ({}));
  using _receiver = receiver;
  await Promise.all([host.swap(make("two")), host.swap(make("three")), host.swap(make("four"))]);
  assert.deepEqual(steps, [
    ...["start one", "stop one", "start two", "stop two", "start three", "stop three"],
    "start four",
  ]);
  await host.stop();
});
