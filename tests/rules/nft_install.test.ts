// What nft installs, keeps, and takes away again.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { NFT } from "../../src/rules/nft/backend.ts";
import { nftSupport } from "../../src/rules/nft/support.ts";
import { PacketQueue, Verdict } from "../../mod.ts";
import { command } from "../support/runtime/command.ts";
import { inheritable } from "../support/runtime/descriptors.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { Installed } from "./nft_support.ts";
import { RULES } from "./samples.ts";

requireIsolation();
const LIMIT = { timeout: 60_000 } as const;

const ruleset = () => command("nft", ["list", "ruleset"]);
const { target, owner } = nftSupport();

/** This process's sockets to netfilter; the runtime opens other descriptors when it likes. */
function sockets(): number {
  const lines = readFileSync("/proc/net/netlink", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/));
  const own = lines.filter(([, protocol]) => protocol === "12").map((fields) =>
    `socket:[${fields[9]}]`
  );
  return readdirSync("/proc/self/fd").filter((number) => {
    try {
      return own.includes(readlinkSync(`/proc/self/fd/${number}`));
    } catch {
      return false; // that of the very listing
    }
  }).length;
}

test("every field is installed, listed, and removed", LIMIT, () => {
  assert.equal(NFT.unusable(), undefined);
  const before = ruleset();
  for (const rule of RULES) {
    const installed = new Installed(NFT, rule);
    const hooks = [rule.hook].flat();
    const text = ruleset();
    for (const hook of hooks) assert.match(text, new RegExp(`chain at_${hook}_0 \\{`));
    assert.match(text, /counter packets 0 bytes 0 (goto to_|queue)/, JSON.stringify(rule));
    assert.equal(text.includes("flags owner"), owner);
    assert.deepEqual(installed.rules.counters(), [{ packets: 0, bytes: 0 }]);
    installed.rules.withdraw();
    installed.rules.withdraw();
    assert.doesNotMatch(ruleset(), /jump/);
    assert.deepEqual(installed.rules.counters(), [{ packets: 0, bytes: 0 }]);
    installed.rules.remove();
    installed.rules.remove();
    installed.rules.withdraw();
    assert.equal(ruleset(), before, JSON.stringify(rule));
    assert.throws(() => installed.replace(rule), /were removed/);
  }
  using all = new Installed(NFT, RULES);
  assert.equal(all.rules.counters().length, RULES.length);
});

test("chains are at their priorities; two tables where rules are of two kinds", LIMIT, () => {
  using _installed = new Installed(NFT, [
    { hook: "output", priority: "mangle", queue: 1 },
    { hook: ["output", "input"], priority: 5, queue: 1 },
    { hook: "output", priority: -2147483648, family: "ipv6", queue: 1 },
  ]);
  const text = command("nft", ["-y", "list", "ruleset"]);
  assert.match(text, /chain at_output_m150 \{\n\t\ttype filter hook output priority -150;/);
  assert.match(text, /chain at_output_5 \{\n\t\ttype filter hook output priority 5;/);
  assert.match(text, /chain at_input_5 \{\n\t\ttype filter hook input priority 5;/);
  assert.match(text, /hook output priority -2147483648;/);
});

test("the same rule keeps its counter, whatever comes and goes beside it", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  await using _filter = new Filter(queue, () => Verdict.Accept);
  const rule = { hook: "output", destinationPort: receiver.port, queue: queue.number } as const;
  const other = { hook: "input", protocol: "icmp", queue: queue.number } as const;
  using installed = new Installed(NFT, rule);
  const packets = () => installed.rules.counters().map((count) => count.packets);
  const send = async (text: string) => {
    await sender.send(text, receiver);
    assert.equal((await receiver.receive()).text, text);
  };
  await send("one");
  assert.deepEqual(installed.rules.counters(), [{ packets: 1, bytes: 31 }]);
  installed.replace([other, rule]);
  await send("two");
  assert.deepEqual(packets(), [0, 2]);
  // Another number of the queue is another rule.
  installed.replace([{ ...rule, queue: 0 }, other, rule]);
  await send("three");
  assert.deepEqual(packets(), [1, 0, 2]);
  // Two that are alike count each for itself: the first that fits has the packet.
  installed.replace([rule, rule]);
  await send("four");
  assert.deepEqual(packets(), [3, 0]);
  installed.replace([]);
  await send("five");
  assert.deepEqual(packets(), []);
  installed.replace(rule);
  assert.deepEqual(packets(), [0]);
  installed.rules.withdraw();
  await send("six");
  assert.deepEqual(packets(), [0]);
});

test("old chains go with their rules, and hooks stay", LIMIT, () => {
  using installed = new Installed(NFT, { hook: "output", protocol: "udp", queue: 1 });
  for (let queue = 2; queue < 20; queue++) {
    installed.replace({ hook: queue % 2 ? "output" : "input", protocol: "udp", queue });
  }
  const table = ruleset().split(/^table /m).find((text) => text.includes("at_output_0"))!;
  const chains = [...table.matchAll(/chain (\w+)/g)].map(([, name]) => name);
  const own = chains.filter((name) => name!.startsWith("at_"));
  // The third is for answers that connection tracking must not see.
  assert.deepEqual(own.toSorted(), ["at_input_0", "at_output_0", "at_output_m300"]);
  assert.ok(chains.includes("reject_marked"));
  assert.equal(chains.length, target === "xt" ? 6 : 5, table);
});

test("a rule that fails leaves everything as it was", LIMIT, () => {
  const before = ruleset();
  const descriptors = sockets();
  const good = { hook: "output", queue: 1 } as const;
  const bad = { hook: "output", inDevice: undefined, expression: "bogus 1", queue: 1 } as const;
  for (let times = 0; times < 3; times++) {
    assert.throws(() => new Installed(NFT, [good, bad]), /rules\[1\]\.expression/);
  }
  if (target === "xt") {
    const bridge = { hook: "forward", family: "bridge", queue: 1 } as const;
    assert.throws(() => new Installed(NFT, [good, bridge]), /rules\[1\]\.family: .*nft_queue/);
    const flow = { hook: "forward", queue: { from: 1, to: 2 }, balance: "flow" } as const;
    assert.throws(() => new Installed(NFT, flow), /^RangeError: balance: .*nft_queue/);
  }
  // Only at commit does the kernel find that this hook is wrong.
  const late = { hook: "output", expression: "fib saddr oif lo", queue: 1 } as const;
  assert.throws(
    () => new Installed(NFT, [good, late]),
    /rules\[1\]\.expression: nft refuses it at this hook: /,
  );
  assert.equal(ruleset(), before);
  assert.equal(sockets(), descriptors);
  {
    using installed = new Installed(NFT, good);
    const kept = ruleset();
    assert.throws(
      () => installed.replace([good, late]),
      /rules\[1\]\.expression: nft refuses it at this hook: /,
    );
    assert.equal(ruleset(), kept);
    installed.replace({ hook: "output", protocol: "tcp", queue: 1 });
    assert.match(ruleset(), /meta l4proto tcp|meta l4proto 6/);
  }
  assert.equal(sockets(), descriptors);
});

test("descriptors: none is left, and no child process gets one", LIMIT, () => {
  const before = { open: sockets(), inherited: inheritable() };
  {
    using _one = new Installed(NFT, { hook: "output", protocol: "tcp", queue: 1 });
    using _two = new Installed(NFT, { hook: "output", protocol: "tcp", queue: 1 });
    assert.ok(sockets() >= before.open + 2);
    assert.deepEqual(inheritable(), before.inherited);
  }
  NFT.unusable();
  NFT.leftovers();
  NFT.clean();
  assert.deepEqual({ open: sockets(), inherited: inheritable() }, before);
});

test("what somebody else has deleted is no error at the end", LIMIT, () => {
  const rules = [{ hook: "output", protocol: "udp", queue: 1 }] as const;
  const before = ruleset();
  const installed = new Installed(NFT, rules, { leaveChains: true });
  for (
    const [, family] of ruleset().matchAll(new RegExp(`^table (\\w+) ${installed.name}`, "gm"))
  ) {
    command("nft", ["delete", "table", family!, installed.name]);
  }
  assert.deepEqual(installed.rules.counters(), [{ packets: 0, bytes: 0 }]);
  assert.throws(() => installed.replace([{ hook: "output", protocol: "tcp", queue: 1 }]));
  installed.rules.withdraw();
  installed.rules.remove();
  assert.equal(ruleset(), before);
});

test("commands are what a person would have typed", LIMIT, () => {
  const options = { name: "mine", users: new Map(), leaveChains: false };
  const rules = [
    { hook: "output", protocol: "tcp", destinationPort: [25, 587], queue: 0 },
    { hook: "forward", family: "ipv4", not: { destinationPort: 22 }, queue: { from: 0, to: 3 } },
    { hook: "output", inDevice: undefined, family: "bridge", priority: 7, queue: 9 },
  ] as const;
  const commands = NFT.commands(Installed.check(rules), options);
  const filter = "'{ type filter hook";
  assert.deepEqual(commands, [
    "nft add table inet mine",
    "nft add chain inet mine rule_1",
    "nft add rule inet mine rule_1 'meta l4proto { 6, 17, 136, 33, 132 } th dport 22 return'",
    "nft add rule inet mine rule_1 counter queue num 0-3 bypass",
    `nft add chain inet mine at_output_0 ${filter} output priority 0; policy accept; }'`,
    "nft add rule inet mine at_output_0 'meta mark & 0xffffff00 == 0x6e667100 return'",
    "nft add rule inet mine at_output_0 " +
    "'meta l4proto 6 th dport { 25, 587 } counter queue num 0 bypass'",
    `nft add chain inet mine at_forward_0 ${filter} forward priority 0; policy accept; }'`,
    "nft add rule inet mine at_forward_0 'meta mark & 0xffffff00 == 0x6e667100 return'",
    "nft add rule inet mine at_forward_0 meta nfproto ipv4 jump rule_1",
    "nft add table bridge mine",
    `nft add chain bridge mine at_output_7 ${filter} output priority 7; policy accept; }'`,
    "nft add rule bridge mine at_output_7 'meta mark & 0xffffff00 == 0x6e667100 return'",
    "nft add rule bridge mine at_output_7 counter queue num 9 bypass",
  ]);
});
