// An IPv4 and an IPv6 program ran side by side on ip_queue. Over NFQUEUE both mean queue 0: the second
// one is told what to do, and does it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPQ_COPY_META, IPQ_COPY_PACKET, IpqHandle, NF_ACCEPT } from "../../src/ipq/mod.ts";
import { functions, protocols, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 30_000;
const owner = new URL("fixtures/owner.ts", import.meta.url);

/** What the console is told meanwhile. */
function warningsOf(act: () => void): readonly string[] {
  const told: string[] = [];
  const { warn } = console;
  console.warn = (format: string, ...values: unknown[]) => {
    assert.equal(format, "%s");
    told.push(values.join(" "));
  };
  try {
    act();
  } finally {
    console.warn = warn;
  }
  return told;
}

/** The command's name and the queue that the sentence names. */
function read(sentence: string): { readonly command: string; readonly queue: number } {
  const found = sentence.match(/\{ queue: (\d+) \}.* (ip6?tables) … -j NFQUEUE --queue-num (\d+)$/);
  assert.ok(found, sentence);
  assert.equal(found[1], found[3]);
  return { command: found[2]!, queue: Number(found[1]) };
}

for (const family of [4, 6] as const) {
  test(`the second program is told what to do, once, and it works, IPv${family}`, {
    timeout,
  }, async () => {
    const queue = nextQueue();
    await using first = new Child(owner, { parameters: [queue, "hold"] });
    await first.says("holding");
    // The next number has an owner too, so another one is named.
    using next = IpqHandle.create(0, protocols[family], { transport: "nfqueue", queue: queue + 1 });
    next.setMode(IPQ_COPY_META);

    const buffer = new Uint8Array(200);
    using second = functions.create(protocols[family], queue)!;
    const told = warningsOf(() => {
      for (let round = 0; round < 3; round++) {
        functions.setMode(second, IPQ_COPY_META);
        assert.equal(functions.read(second, buffer, 1_000_000), 76);
        assert.equal(functions.getMsgerr(buffer), 16);
      }
    });
    assert.equal(told.length, 1);
    const beginning = `ipq: queue ${queue} has an owner, netlink port `;
    assert.equal(told[0]!.slice(0, beginning.length), beginning);
    const advice = read(told[0]!);
    assert.deepEqual(advice, {
      command: family === 4 ? "iptables" : "ip6tables",
      queue: queue + 2,
    });

    // The rule of Traffic is the one that is named.
    using traffic = await Traffic.open({ family, queue: advice.queue });
    assert.deepEqual(warningsOf(() => traffic.setMode(IPQ_COPY_PACKET)), []);
    await traffic.send("side by side");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["side by side"]);
    traffic.quiet();
  });
}

test("warn: false is told nothing", { timeout }, async () => {
  const queue = nextQueue();
  await using first = new Child(owner, { parameters: [queue, "hold"] });
  await first.says("holding");
  using second = IpqHandle.create(0, 2, { transport: "nfqueue", queue, warn: false });
  assert.deepEqual(warningsOf(() => second.setMode(IPQ_COPY_META)), []);
  assert.throws(() => IpqHandle.create(0, 2, { warn: 1 as unknown as boolean }), /warn must be a/);
});
