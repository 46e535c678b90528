// Rules change under traffic, and no packet that waits is lost.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import { NFT } from "../../src/rules/nft/backend.ts";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { queueStatistics } from "../../src/nfqueue/statistics.ts";
import { command } from "../support/runtime/command.ts";
import { until } from "../support/runtime/waiting.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { udpText } from "../support/traffic/packets.ts";
import { Installed } from "./nft_support.ts";

requireIsolation();
const LIMIT = { timeout: 60_000 } as const;

/** Datagrams of one test, and how many are sent in a millisecond. */
const DATAGRAMS = 4000;
const EACH_MILLISECOND = 2;
const REPLACEMENTS = 50;
/** The receiver's socket holds some more than twice as many. */
const ROOM = 100;

test("50 replacements among 4,000 datagrams: none is lost, none comes twice", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { maxLength: 10_000 });
  const other = nextQueue();
  const seen = new Map<string, number>();
  // Some wait at any time.
  const waiting: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    const text = udpText(packet.payload);
    seen.set(text, (seen.get(text) ?? 0) + 1);
    packet.hold();
    waiting.push(packet);
    if (waiting.length > 20) waiting.shift()!.accept();
  });
  const rule: Rule = {
    ...{ hook: "output", protocol: "udp", destinationPort: receiver.port, queue: queue.number },
  };
  // Conntrack's hook stands before ours: were it new at the first replacement, what waits then would be
  // queued again.
  using installed = new Installed(NFT, [rule, { hook: "input", state: "invalid", queue: other }]);
  const length = () => queueStatistics(queue.number)!.length;
  let replaced = 0;
  let full = 0;
  const start = performance.now();
  for (let sent = 0; sent < DATAGRAMS; sent++) {
    await sender.send(`${sent}`, receiver);
    if (sent % EACH_MILLISECOND === 0) {
      const due = start + sent / EACH_MILLISECOND - performance.now();
      if (due > 1) await delay(due);
    }
    if (sent % ROOM === 0) {
      await until(() => sent - receiver.pending.length < ROOM, { what: "the receiver keeps up" });
    }
    if (sent % (DATAGRAMS / REPLACEMENTS) !== 10) continue;
    if (length() > 0) full++;
    replaced++;
    // Rules come and go before and behind the one that is kept, and at another hook, once new.
    const more: Rule[] = [
      { hook: "output", protocol: "tcp", queue: other + replaced },
      {
        hook: replaced % 2 ? "input" : "forward",
        protocol: "udp",
        destinationPort: 1,
        queue: other,
      },
      { hook: "output", source: `10.0.0.${replaced}`, state: "new", queue: other },
    ];
    const own = replaced % 3 === 0 ? { ...rule, outDevice: "lo" } : rule;
    installed.replace(replaced % 2 ? [own, ...more] : [...more, own]);
  }
  await until(() => seen.size >= DATAGRAMS, { what: "all are queued", state: () => seen.size });
  for (const packet of waiting) packet.accept();
  const texts = await receiver.take(DATAGRAMS);
  assert.equal(replaced, REPLACEMENTS);
  assert.ok(full > REPLACEMENTS / 2, `packets waited at ${full} replacements`);
  assert.equal(new Set(texts).size, DATAGRAMS);
  assert.deepEqual([...seen].filter(([, times]) => times !== 1), []);
  assert.deepEqual(receiver.pending, []);
});

test(
  "the fact behind it: a base chain that goes drops every packet that waits",
  LIMIT,
  async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue());
    using _installed = new Installed(NFT, {
      ...{ hook: "output", protocol: "udp", destinationPort: receiver.port, queue: queue.number },
    });
    // Another's, in another table, that has nothing to do with these packets.
    command("nft", [
      "add table ip6 foreign; add chain ip6 foreign gone { type filter hook input priority 7; }",
    ]);
    const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
    await sender.sendAll(texts, receiver);
    const length = () => queueStatistics(queue.number)!.length;
    await until(() => length() === texts.length, { what: "all wait" });
    command("nft", ["add rule ip6 foreign gone counter"]);
    command("nft", ["flush chain ip6 foreign gone"]);
    assert.equal(length(), texts.length);
    command("nft", ["delete chain ip6 foreign gone"]);
    assert.equal(length(), 0);
    assert.deepEqual(receiver.pending, []);
  },
);

test("out first, then empty, then away: nothing of ours is lost", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using installed = new Installed(NFT, {
    ...{ hook: "output", protocol: "udp", destinationPort: receiver.port, queue: queue.number },
  });
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
  await sender.sendAll(texts, receiver);
  const length = () => queueStatistics(queue.number)!.length;
  await until(() => length() === texts.length, { what: "all wait" });
  installed.rules.withdraw();
  assert.equal(length(), texts.length);
  await sender.send("past", receiver);
  assert.deepEqual(await receiver.take(1), ["past"]);
  // Nor does anything that is refused touch them.
  assert.throws(() => new Installed(NFT, { hook: "output", expression: "bogus 1", queue: 1 }));
  assert.equal(NFT.unusable(), undefined);
  NFT.clean();
  assert.equal(length(), texts.length);
  await using _filter = new Filter(queue, () => Verdict.Accept);
  assert.deepEqual((await receiver.take(texts.length)).toSorted(), texts.toSorted());
  installed.rules.remove();
});
