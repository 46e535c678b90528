// What iptables installs, keeps, and takes away again; and what it does to rules of others: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { IPTABLES } from "../../src/rules/iptables/backend.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { command } from "../support/runtime/command.ts";
import { mayChangeUser, requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { prepareRules } from "../../src/rules/set/prepare.ts";
import { Installed, installed } from "./nft_support.ts";
import { ruleCases } from "./rule_packets.ts";
import { RuleScene } from "./rule_scene.ts";
import { RULES } from "./samples.ts";

requireIsolation();
const LIMIT = { timeout: 60_000 } as const;

/** xt_owner takes only users that the user namespace has: an ordinary user's has 0 alone. */
const possible = ({ user, not }: Rule): boolean =>
  mayChangeUser() || [user, not?.user].flat().every((one) => one === undefined || one === 0);

const saved = (): string =>
  ["iptables-save", "ip6tables-save"].map((program) => command(program, []))
    .join("").replaceAll(/^#.*\n| \[\d+:\d+\]/gm, "");
/** What stays of the programs themselves: tables that they made, without rules. */
const EMPTY = /^(\*\w+\n(:[A-Z]+ [A-Z]+\n)+COMMIT\n)*$/;

test("each packet is queued exactly when it should be", { timeout: 120_000 }, async () => {
  using scene = new RuleScene();
  for (const one of ruleCases(scene)) {
    if (one.only !== "nft" && possible(one.rule)) {
      await scene.check(one, (rule) => installed(IPTABLES, rule));
    }
  }
  assert.match(saved(), EMPTY);
});

test("every rule is installed, listed, and removed", LIMIT, () => {
  assert.equal(IPTABLES.unusable(), undefined);
  for (const rule of RULES.filter(possible)) {
    const one = new Installed(IPTABLES, rule);
    const text = saved();
    const queue = typeof rule.queue === "number"
      ? `--queue-num ${rule.queue}`
      : `--queue-balance ${rule.queue?.from}:${rule.queue?.to}`;
    const chain = `${one.name}_0`;
    const of = (lines: string) => text.split("\n").filter((line) => line.startsWith(lines));
    assert.ok(of(`-A ${chain} `).some((line) => line.includes(`-j NFQUEUE ${queue}`)), text);
    for (const hook of [rule.hook].flat()) {
      assert.ok(of(`-A ${hook.toUpperCase()} -j ${one.name}_`).length > 0, text);
    }
    assert.deepEqual(one.rules.counters(), [{ packets: 0, bytes: 0 }]);
    one.rules.withdraw();
    one.rules.withdraw();
    assert.doesNotMatch(saved(), /^-A [A-Z]+ /m);
    assert.deepEqual(one.rules.counters(), [{ packets: 0, bytes: 0 }]);
    one.rules.remove();
    one.rules.remove();
    one.rules.withdraw();
    assert.match(saved(), EMPTY, JSON.stringify(rule));
    assert.throws(() => one.replace(rule), /were removed/);
  }
  const rules = RULES.filter(possible);
  using all = new Installed(IPTABLES, rules);
  assert.equal(all.rules.counters().length, rules.length);
  const names = [...saved().matchAll(/^:(nfq_\S+)/gm)].map(([, name]) => name!);
  assert.ok(names.every((name) => name.length <= 28 && name.startsWith(all.name)), names.join());
});

test("the same rule keeps its counter, whatever comes and goes beside it", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  await using _filter = new Filter(queue, () => Verdict.Accept);
  const rule = { hook: "output", destinationPort: receiver.port, queue: queue.number } as const;
  const other = { hook: "input", protocol: "icmp", queue: queue.number } as const;
  using one = new Installed(IPTABLES, rule);
  const packets = () => one.rules.counters().map((count) => count.packets);
  const send = async (text: string) => {
    await sender.send(text, receiver);
    assert.equal((await receiver.receive()).text, text);
  };
  await send("one");
  assert.deepEqual(one.rules.counters(), [{ packets: 1, bytes: 31 }]);
  one.replace([other, rule]);
  await send("two");
  assert.deepEqual(packets(), [0, 2]);
  // Another number of the queue is another rule.
  one.replace([{ ...rule, queue: 0 }, other, rule]);
  await send("three");
  assert.deepEqual(packets(), [1, 0, 2]);
  // Two that are alike count each for itself: the first that fits has the packet.
  one.replace([rule, rule]);
  await send("four");
  assert.deepEqual(packets(), [3, 0]);
  one.replace([]);
  await send("five");
  assert.deepEqual(packets(), []);
  one.replace(rule);
  assert.deepEqual(packets(), [0]);
  one.rules.withdraw();
  await send("six");
  assert.deepEqual(packets(), [0]);
});

test("old chains go with their rules, and hooks stay", LIMIT, () => {
  using one = new Installed(IPTABLES, { hook: "output", protocol: "udp", queue: 1 });
  for (let queue = 2; queue < 12; queue++) {
    one.replace({ hook: queue % 2 ? "output" : "input", protocol: "udp", queue });
  }
  const chains = [...saved().matchAll(/^:nfq_\w+_(\w+) /gm)].map(([, end]) => end!);
  assert.deepEqual(chains.toSorted(), ["0", "0", "I", "I", "O", "O", "R", "R"]);
});

test("priorities are tables", LIMIT, () => {
  using one = new Installed(IPTABLES, [
    { hook: ["prerouting", "output"], priority: "raw", queue: 1 },
    { hook: "output", priority: -150, queue: 1 },
    { hook: ["prerouting", "input"], family: "ipv4", queue: 1 },
  ]);
  const places = saved().split("*").map((part) =>
    [
      part.slice(0, part.indexOf("\n")),
      ...[...part.matchAll(/^-A ([A-Z]+) /gm)].map(([, chain]) => chain).toSorted(),
    ].join(" ")
  ).filter((part) => part.includes(" ")).toSorted();
  assert.deepEqual(places, [
    ...["filter INPUT", "mangle OUTPUT", "mangle OUTPUT PREROUTING"],
    ...["raw OUTPUT PREROUTING", "raw OUTPUT PREROUTING"],
  ]);
  assert.equal(one.rules.counters().length, 3);
});

test("odd names of devices are taken literally", LIMIT, () => {
  const names = ["a-b", "x~1", "é1", "a@b", "_", ".x", "wg.5*"];
  using one = new Installed(IPTABLES, { hook: "input", inDevice: names, family: "ipv4", queue: 1 });
  const lines = saved().split("\n").filter((line) => line.startsWith(`-A ${one.name}_0 `));
  const end = " -j NFQUEUE --queue-num 1 --queue-bypass";
  assert.deepEqual(
    lines,
    names.map((name) => `-A ${one.name}_0 -i ${name.replace("*", "+")}${end}`),
  );
});

const refusals: readonly (readonly [rule: object, message: RegExp])[] = [
  [
    { priority: 5 },
    /rules\[1\]\.priority: iptables has no chain at output with priority 5: it has/,
  ],
  [{ hook: "input", priority: "raw" }, /rules\[1\]\.priority: .* at input with priority -300/],
  [{ queue: { from: 1, to: 2 }, balance: "flow" }, /rules\[1\]\.balance: iptables cannot/],
  [{ expression: "tcp dport 1" }, /rules\[1\]\.expression: iptables cannot/],
  [{ family: "bridge" }, /rules\[1\]\.family: iptables cannot/],
];

test("a rule that fails leaves everything as it was", LIMIT, () => {
  const good = { hook: "output", queue: 1 } as const;
  const before = saved();
  const kept = new Installed(IPTABLES, [good]);
  const standing = saved();
  for (const [fields, message] of refusals) {
    const rules = [good, { ...good, ...fields }];
    assert.throws(() => new Installed(IPTABLES, rules), message);
    assert.throws(() => kept.replace(rules), message);
    assert.throws(() =>
      IPTABLES.commands(prepareRules(rules).rules, {
        ...{ name: "nfq_1_1_1_1", users: new Map(), leaveChains: false },
      }), message);
  }
  assert.equal(saved(), standing);
  kept[Symbol.dispose]();
  assert.equal(saved(), before);
});

test("rules of others in the same chains stay as they are", LIMIT, () => {
  const others = [
    ["-A", "OUTPUT", "-p", "tcp", "--dport", "9", "-j", "ACCEPT"],
    ["-N", "nfq_others"],
    ["-A", "nfq_others", "-j", "NFQUEUE", "--queue-num", "7"],
    ["-A", "OUTPUT", "-p", "udp", "--dport", "9", "-j", "nfq_others"],
  ];
  for (const words of others) command("iptables", words);
  const rules = () => saved().split("\n").filter((line) => /^-A|nfq_/.test(line));
  const before = rules();
  {
    using one = new Installed(IPTABLES, [{ hook: "output", queue: 1 }]);
    using _second = new Installed(IPTABLES, [{ hook: "output", queue: 2 }]);
    one.replace([{ hook: ["input", "output"], state: "new", queue: 3 }]);
    command("iptables", ["-I", "OUTPUT", "-p", "gre", "-j", "ACCEPT"]);
    one.replace([{ hook: "output", queue: 1 }]);
  }
  command("iptables", ["-D", "OUTPUT", "-p", "gre", "-j", "ACCEPT"]);
  assert.ok(before.length > 3);
  assert.deepEqual(rules(), before);
  for (const words of [["-F", "OUTPUT"], ["-F", "nfq_others"], ["-X", "nfq_others"]]) {
    command("iptables", words);
  }
});

test("what somebody else has deleted meanwhile is no error", LIMIT, () => {
  const one = new Installed(IPTABLES, [{ hook: "output", state: "new", queue: 1 }]);
  command("iptables", ["-F"]);
  command("iptables", ["-X"]);
  command("ip6tables", ["-F", "OUTPUT"]);
  one.rules.withdraw();
  one.rules.remove();
  assert.match(saved(), EMPTY);
});

test("leaveChains leaves what keeps conntrack, and nothing else", LIMIT, () => {
  const one = new Installed(IPTABLES, [{ hook: "output", state: "new", queue: 1 }], {
    leaveChains: true,
  });
  one.replace([{ hook: "output", queue: 1 }]);
  one.rules.remove();
  assert.deepEqual(
    [...saved().matchAll(/^-A .*$/gm)].map(([line]) => line),
    Array.from({ length: 2 }, () => `-A ${one.name}_C -m conntrack --ctstate NEW -j RETURN`),
  );
  for (const program of ["iptables", "ip6tables"]) {
    command(program, ["-F", `${one.name}_C`]);
    command(program, ["-X", `${one.name}_C`]);
  }
});

test("commands are what a person would have typed", LIMIT, () => {
  const options = { name: "nfq_1_1_1_1", users: new Map([["root", 0]]), leaveChains: false };
  const commands = (rule: object) => IPTABLES.commands(prepareRules(rule as never).rules, options);
  assert.deepEqual(
    commands({ hook: "output", family: "ipv4", protocol: "tcp", destinationPort: 25, queue: 0 }),
    ["iptables -A OUTPUT -p tcp --dport 25 -j NFQUEUE --queue-num 0 --queue-bypass"],
  );
  assert.deepEqual(
    commands({
      ...{ hook: "prerouting", family: "ipv6", protocol: "icmp", queue: { from: 0, to: 3 } },
      ...{ not: { source: "fe80::/10" }, bypass: false },
    }),
    [
      "ip6tables -t mangle -N nfqueue_1",
      "ip6tables -t mangle -A nfqueue_1 -s fe80::/10 -j RETURN",
      "ip6tables -t mangle -A nfqueue_1 -p icmpv6 -j NFQUEUE --queue-balance 0:3",
      "ip6tables -t mangle -A PREROUTING -j nfqueue_1",
    ],
  );
  // Each is taken by the program itself, and means what is installed.
  for (const rule of RULES.filter(possible)) {
    for (const line of commands(rule)) command("sh", ["-c", line.replace(/^(\w+)/, "$1 -w")]);
  }
  for (const program of ["iptables", "ip6tables"]) {
    for (const table of ["filter", "mangle"]) {
      command(program, ["-t", table, "-F"]);
      command(program, ["-t", table, "-X"]);
    }
  }
  assert.match(saved(), EMPTY);
});
