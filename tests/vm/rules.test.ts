// Rules by nft with its own statement `queue`, which the usual test kernel lacks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { NFT } from "../../src/rules/nft/backend.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { nftSupport } from "../../src/rules/nft/support.ts";
import { Installed } from "../rules/nft_support.ts";
import { ruleCases } from "../rules/rule_packets.ts";
import { RuleScene } from "../rules/rule_scene.ts";
import { RULES } from "../rules/samples.ts";
import { Child } from "../support/runtime/child.ts";
import { command, ping } from "../support/runtime/command.ts";
import { until } from "../support/runtime/waiting.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { Bridge } from "../support/vm/bridge.ts";
import { inMachine } from "../support/vm/machine.ts";

requireIsolation();

const ruleset = () => command("nft", ["list", "ruleset"]);

/** Cases in groups: each is slow there. */
const GROUPS = 4;
for (let group = 0; group < GROUPS; group++) {
  test(`each packet is queued exactly when it should be (${group + 1})`, inMachine, async () => {
    assert.deepEqual(nftSupport(), {
      target: "statement",
      owner: true,
      reject: true,
      notrack: true,
    });
    using scene = new RuleScene();
    for (const one of ruleCases(scene).filter((_, at) => at % GROUPS === group)) {
      await scene.check(one, (rule) => new Installed(NFT, rule));
    }
  });
}

test("all rules at once, replaced, and gone", inMachine, () => {
  const before = ruleset();
  {
    using installed = new Installed(NFT, RULES);
    assert.match(ruleset(), /^table inet nfq_/m);
    assert.doesNotMatch(ruleset(), /^table ip6? nfq_/m);
    assert.match(ruleset(), /counter packets 0 bytes 0 queue .*0-3/);
    installed.replace(RULES.toReversed());
    assert.equal(installed.rules.counters().length, RULES.length);
    const flow = { hook: "output", queue: { from: 1, to: 4 }, balance: "flow" } as const;
    for (const expression of ["ip ttl 1 ", "ip6 hoplimit 1", "tcp dport 80"]) {
      installed.replace({ ...flow, expression });
    }
    const kept = ruleset();
    for (const expression of ["log", "tcp dport vmap { 1 : drop }", "ct mark set 1", "bogus 1"]) {
      assert.throws(() => installed.replace({ ...flow, expression }), /^RangeError: expression/);
      assert.equal(ruleset(), kept);
    }
  }
  assert.equal(ruleset(), before);
});

test("what a bridge forwards, and IP beside it", inMachine, async () => {
  using bridge = new Bridge();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const [frames, datagrams] = [nextQueue(), nextQueue()];
  using bridgeQueue = PacketQueue.open(frames, { family: "bridge" });
  using ipQueue = PacketQueue.open(datagrams);
  const rules = [
    { hook: "forward", family: "bridge", protocol: 1, queue: frames },
    { hook: "output", protocol: "udp", destinationPort: receiver.port, queue: datagrams },
  ] as const;
  let verdict: Verdict = Verdict.Accept;
  await using _one = new Filter(bridgeQueue, () => verdict);
  await using _two = new Filter(ipQueue, () => Verdict.Accept);
  using installed = new Installed(NFT, rules);
  const { left, right } = bridge;
  const accepted = await ping(right.address, { prefix: left.prefix, count: 2 });
  assert.equal(accepted.received, 2, accepted.output);
  await sender.send("text", receiver);
  assert.deepEqual(await receiver.take(1), ["text"]);
  assert.deepEqual(installed.rules.counters().map(({ packets }) => packets), [4, 1]);
  verdict = Verdict.Drop;
  const dropped = await ping(right.address, { prefix: left.prefix, count: 1, wait: 1 });
  assert.equal(dropped.received, 0, dropped.output);
  installed.replace(rules.slice(1));
  const again = await ping(right.address, { prefix: left.prefix, count: 1 });
  assert.equal(again.received, 1, again.output);
});

test("the commands, as they stand, do the same", inMachine, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  const own = {
    ...{ hook: "output", destinationPort: receiver.port, queue: queue.number } as const,
    not: { sourcePort: 1, outDevice: "nobody", mark: 7 },
  };
  const options = { name: "typed", users: new Map(), leaveChains: false };
  const before = ruleset();
  const type = (rules: readonly Rule[]) => {
    command("sh", ["-ec", NFT.commands(Installed.check(rules), options).join("\n")]);
    return { [Symbol.dispose]: () => command("nft", ["delete", "table", "inet", "typed"]) };
  };
  {
    using _typed = type(RULES);
    assert.equal(ruleset().match(/ queue (num|to|flags) /g)?.length, RULES.length + 4);
  }
  {
    using _typed = type([own]);
    const ports: unknown[] = [];
    await using _filter = new Filter(queue, (packet) => {
      ports.push(packet.udp?.destinationPort);
      return Verdict.Accept;
    });
    await sender.send("text", receiver);
    assert.deepEqual(await receiver.take(1), ["text"]);
    assert.deepEqual(ports, [receiver.port]);
  }
  assert.equal(ruleset(), before);
});

test("after SIGKILL the kernel has removed the table", inMachine, async () => {
  const before = ruleset();
  await using child = new Child(new URL("../rules/fixtures/nft_owner.ts", import.meta.url));
  await child.says(".\n");
  assert.match(ruleset(), /flags owner/);
  child.kill("SIGKILL");
  await child.end();
  await until(() => ruleset() === before, { what: "the table is gone", timeout: 1000 });
});
