// Rules change while 2,000 numbered datagrams a second pass: each arrives, and each only once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PacketQueue, type Rule, RuleSet, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { command } from "../support/runtime/command.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const CHANGES = 50;
/** Every 5 ms, so 2,000 a second. */
const BURST = 10;
const PAUSE = 5;

/** Sends numbers until it is told to stop. Gives how many. */
async function sendNumbers(
  sender: UdpSocket,
  receiver: UdpSocket,
  changing: { done: boolean },
): Promise<number> {
  let sent = 0;
  const begin = performance.now();
  while (!changing.done) {
    const burst = Array.from({ length: BURST }, (_, at) => `${sent + at}`);
    await sender.sendAll(burst, receiver);
    sent += BURST;
    await delay(Math.max(0, begin + sent / BURST * PAUSE - performance.now()));
  }
  return sent;
}

test(
  "50 replacements, while others' rules come and go inside their chains",
  { timeout: 60_000 },
  async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    const number = nextQueue();
    using queue = PacketQueue.open(number);
    await using _filter = new Filter(queue, () => Verdict.Accept);
    const port = receiver.port;
    const variants: readonly (readonly Rule[])[] = [
      [{ hook: "output", protocol: "udp", destinationPort: port, queue: number }],
      [
        { hook: "output", protocol: "udp", destinationPort: [port, 9], queue: number },
        { hook: "output", protocol: "tcp", destinationPort: 9, queue: number },
      ],
      [{ hook: "output", state: ["new", "established"], destinationPort: port, queue: number }],
      [],
    ];
    // Their chains are there before ours, and stay.
    command("nft", [
      "add table ip other; add chain ip other out { type filter hook output priority 10; }",
    ]);
    using _theirs = queueRule(nextQueue(), { chain: "OUTPUT", match: udpTo(9), bypass: true });
    const changing = { done: false };
    const rules = RuleSet.install(variants[0]!);
    const sending = sendNumbers(sender, receiver, changing);
    try {
      for (let change = 1; change <= CHANGES; change++) {
        using _coming = queueRule(nextQueue(), { chain: "OUTPUT", match: udpTo(9), bypass: true });
        command("nft", ["add", "rule", "ip", "other", "out", "udp", "dport", "9", "counter"]);
        rules.replace(variants[change % variants.length]!);
        await delay(10);
        command("nft", ["flush", "chain", "ip", "other", "out"]);
      }
      rules.replace([]);
    } finally {
      changing.done = true;
    }
    const sent = await sending;
    try {
      const numbers = (await receiver.take(sent)).map(Number).sort((one, other) => one - other);
      assert.deepEqual(numbers, Array.from({ length: sent }, (_, at) => at));
      // A copy of the last one would be in the way of this.
      await sender.sendAll(["end"], receiver);
      assert.deepEqual(await receiver.take(1), ["end"]);
      assert.ok(queue.statistics.received > sent / 3, `${queue.statistics.received} of ${sent}`);
      assert.equal(queue.statistics.flushedByKernel, 0);
    } finally {
      rules.remove();
      command("nft", ["delete", "table", "ip", "other"]);
    }
  },
);
