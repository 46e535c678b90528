// RuleSet as programs use it, with whatever installs rules here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, RuleSet, Verdict } from "../../mod.ts";
import { INJECTED_MARK } from "../../src/linux/raw/own_marks.ts";
import { newName, ownerOf } from "../../src/rules/owner.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { command } from "../support/runtime/command.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const LIMIT = { timeout: 30_000 } as const;
const SLOW_OWNER = new URL("./fixtures/slow_owner.ts", import.meta.url);
const texts = (count: number, word = "packet") =>
  Array.from({ length: count }, (_, at) => `${word} ${at}`);

/** Tables of rule sets in this namespace. */
function tables(): string[] {
  return command("nft", ["list", "tables"]).split("\n").filter((line) => line.includes("nfq_"));
}

interface Pair extends AsyncDisposable {
  readonly sender: UdpSocket;
  readonly receiver: UdpSocket;
}

async function pair(): Promise<Pair> {
  const receiver = await UdpSocket.open();
  const sender = await UdpSocket.open();
  return {
    ...{ sender, receiver },
    [Symbol.asyncDispose]: () => {
      receiver[Symbol.dispose]();
      sender[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

test(
  "packets that fit reach the queue, the counters count them, and remove ends it",
  LIMIT,
  async () => {
    await using sockets = await pair();
    const { sender, receiver } = sockets;
    const number = nextQueue();
    using queue = PacketQueue.open(number);
    const rule = {
      hook: "output",
      protocol: "udp",
      destinationPort: receiver.port,
      queue: number,
    } as const;
    const rules = RuleSet.install(rule);
    try {
      assert.deepEqual([rules.installed, rules.rules], [true, [rule]]);
      assert.match(String(rules), new RegExp(`dport ${receiver.port}\\b.*${number}`));
      let seen = 0;
      await using _filter = new Filter(queue, () => {
        seen++;
        return Verdict.Accept;
      });
      await sender.sendAll(["one", "two"], receiver);
      assert.deepEqual(await receiver.take(2), ["one", "two"]);
      const [counter] = rules.counters();
      assert.equal(seen, 2);
      assert.deepEqual([counter!.rule, counter!.packets, counter!.bytes], [rule, 2, 62]);
      rules.remove();
      rules.remove();
      assert.equal(rules.installed, false);
      assert.deepEqual(tables(), []);
      await sender.sendAll(["three"], receiver);
      assert.deepEqual(await receiver.take(1), ["three"]);
      assert.equal(seen, 2);
      assert.throws(() => rules.counters(), /were removed/);
      assert.throws(() => rules.replace([]), /were removed/);
    } finally {
      rules.remove();
    }
  },
);

test(
  "replace: others in the place of these; one that was there keeps its counter",
  LIMIT,
  async () => {
    await using sockets = await pair();
    const { sender, receiver } = sockets;
    const number = nextQueue();
    using queue = PacketQueue.open(number);
    await using _filter = new Filter(queue, () => Verdict.Accept);
    const same = {
      hook: "output",
      protocol: "udp",
      destinationPort: receiver.port,
      queue: number,
    } as const;
    const other = { ...same, destinationPort: sender.port } as const;
    using rules = RuleSet.install([other, same]);
    await sender.sendAll(["one"], receiver);
    await receiver.take(1);
    rules.replace([same]);
    await sender.sendAll(["two"], receiver);
    await receiver.take(1);
    assert.equal(rules.counters()[0]!.packets, 2);
    assert.throws(
      () => rules.replace([{ ...same, inDevice: "lo" }]),
      /rules\[0\]\.inDevice: at output/,
    );
    assert.equal(rules.counters()[0]!.packets, 2);
    rules.replace([]);
    await sender.sendAll(["three"], receiver);
    await receiver.take(1);
    assert.deepEqual(rules.counters(), []);
    assert.equal(queue.statistics.received, 2);
  },
);

test("a rule that cannot be: nothing is installed, and the error names the field", LIMIT, () => {
  const good = { hook: "output", protocol: "udp", queue: nextQueue() } as const;
  const before = command("nft", ["list", "ruleset"]);
  const cases: readonly [object, RegExp][] = [
    [{ hook: "output" }, /rules\[1\]\.queue is missing/],
    [
      { ...good, outDevice: "absent0" },
      /rules\[1\]\.outDevice: there is no device "absent0".*"absent0\*"/,
    ],
    [{ ...good, not: { outDevice: "absent0" } }, /rules\[1\]\.not\.outDevice: there is no device/],
    [{ ...good, user: "nobody-of-that-name" }, /rules\[1\]\.user: there is no user "nobody-of/],
    [{ ...good, expression: "tcp dprot 80" }, /rules\[1\]\.expression/],
    [{ ...good, expression: "tcp dport 80 accept" }, /rules\[1\]\.expression/],
    [{ ...good, expression: "counter" }, /rules\[1\]\.expression/],
  ];
  for (const [rule, message] of cases) {
    assert.throws(() => RuleSet.install([good, rule as typeof good]), message);
  }
  assert.throws(() => RuleSet.install(good, { backend: "ipfw" as "nft" }), /backend must be/);
  assert.throws(
    () => RuleSet.install(good, { leaveChain: true } as object),
    /leaveChain.*leaveChains/,
  );
  assert.equal(command("nft", ["list", "ruleset"]), before);
});

test("a user's name and what is made later by that name are found", LIMIT, () => {
  using rules = RuleSet.install([
    { hook: "output", user: "root", queue: 1 },
    { hook: "output", outDevice: ["lo", "later*"], queue: 1 },
  ]);
  assert.match(String(rules), /skuid (root|0)\b/);
  assert.match(String(rules), /later/);
});

test("packets that this library sends itself pass the rules", LIMIT, async () => {
  await using sockets = await pair();
  const { sender, receiver } = sockets;
  const number = nextQueue();
  using queue = PacketQueue.open(number);
  await using _filter = new Filter(queue, () => Verdict.Drop);
  // Somebody else marks them, as a sender of ours would.
  const mark = ["-t", "mangle", "-A", "OUTPUT", ...udpTo(receiver.port), "-j", "MARK"];
  command("iptables", ["-w", ...mark, "--set-mark", String(INJECTED_MARK)]);
  try {
    using _rules = RuleSet.install({
      hook: "output",
      destinationPort: receiver.port,
      queue: number,
    });
    await sender.sendAll(["one"], receiver);
    assert.deepEqual(await receiver.take(1), ["one"]);
    assert.equal(queue.statistics.received, 0);
  } finally {
    command("iptables", [
      "-w",
      "-t",
      "mangle",
      "-D",
      ...mark.slice(3),
      "--set-mark",
      String(INJECTED_MARK),
    ]);
  }
});

test("remove waits until the queue of the rules is empty: nothing is lost", LIMIT, async () => {
  await using sockets = await pair();
  const { sender, receiver } = sockets;
  const number = nextQueue();
  await using owner = new Child(SLOW_OWNER, { parameters: [number, 300] });
  await owner.says("ready");
  using rules = RuleSet.install({ hook: "output", destinationPort: receiver.port, queue: number });
  await sender.sendAll(texts(20), receiver);
  rules.remove();
  assert.deepEqual((await receiver.take(20)).sort(), texts(20).sort());
});

test(
  "remove waits until other programs' queues are empty, where that comes soon",
  LIMIT,
  async () => {
    await using sockets = await pair();
    const { sender, receiver } = sockets;
    const number = nextQueue();
    await using owner = new Child(SLOW_OWNER, { parameters: [number, 80] });
    await owner.says("ready");
    using _theirs = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    using rules = RuleSet.install({
      hook: "output",
      destinationPort: sender.port,
      queue: nextQueue(),
    });
    await sender.sendAll(texts(20), receiver);
    rules.remove();
    assert.deepEqual((await receiver.take(20)).sort(), texts(20).sort());
  },
);

test(
  "leaveChains: packets of other programs wait on, for as long as they like",
  LIMIT,
  async () => {
    await using sockets = await pair();
    const { sender, receiver } = sockets;
    const number = nextQueue();
    await using owner = new Child(SLOW_OWNER, { parameters: [number, 1500] });
    await owner.says("ready");
    using _theirs = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const rule = { hook: "output", destinationPort: sender.port, queue: nextQueue() } as const;
    using rules = RuleSet.install(rule, { leaveChains: true });
    await sender.sendAll(texts(20), receiver);
    rules.remove();
    assert.deepEqual((await receiver.take(20)).sort(), texts(20).sort());
  },
);

test("a name tells its owner: running, gone, elsewhere", LIMIT, () => {
  const name = newName();
  assert.ok(name.length <= 25, name);
  assert.equal(ownerOf(name)?.state, "running");
  assert.equal(ownerOf(`${name}_output`)?.state, "running");
  const [, id, start, namespace] = name.split("_");
  const later = (parseInt(start!, 36) + 1).toString(36);
  assert.equal(ownerOf(`nfq_${id}_${later}_${namespace}_0`)?.state, "gone");
  // Its maker could not read /proc, for want of descriptors.
  assert.equal(ownerOf(`nfq_${id}_0_${namespace}_0`)?.state, "running");
  assert.equal(ownerOf(`nfq_zzzz_0_${namespace}_0`)?.state, "gone");
  assert.equal(ownerOf(`nfq_zzzz_1_${namespace}_0`)?.state, "gone");
  assert.equal(ownerOf(`nfq_${id}_${start}_0_0`)?.state, "elsewhere");
  for (
    const other of [
      "filter",
      "nfq_",
      "nfq_1_2_3",
      "nfq_1_2_3_4x-",
      "NFQ_1_2_3_4",
      "nfq_zzzzzz_1_1_0",
    ]
  ) {
    assert.equal(ownerOf(other), undefined, other);
  }
});
