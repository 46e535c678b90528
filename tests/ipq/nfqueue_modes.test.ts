// libipq over NFQUEUE: the modes, before the first one and while packets flow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPQ_COPY_META, IPQ_COPY_NONE, IPQ_COPY_PACKET, NF_ACCEPT } from "../../src/ipq/mod.ts";
import { forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { ownedQueues } from "../support/queue/numbers.ts";
import { Rule, udpTo } from "../support/network/rules.ts";

requireIsolation();

const timeout = 20_000;

for (const form of forms) {
  test(`before any mode packets are dropped, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    using passed = new Rule({ chain: "INPUT", match: udpTo(traffic.receiver.port) });
    await traffic.send("too early");
    traffic.quiet();
    assert.equal(ownedQueues().has(traffic.queue), false);
    traffic.setMode(IPQ_COPY_META);
    assert.equal(ownedQueues().has(traffic.queue), true);
    await traffic.send("in time");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["in time"]);
    assert.equal(traffic.rule.packets, 2);
    assert.equal(passed.packets, 1);
  });

  test(`a verdict before any mode sets none, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    assert.equal(form.setVerdict(traffic.handle, 1n, NF_ACCEPT), 40);
    assert.equal(traffic.answer().errno, 2);
    await traffic.send("too early");
    traffic.quiet();
    traffic.setMode(IPQ_COPY_META);
    await traffic.send("in time");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["in time"]);
  });

  test(`mode NONE drops, what was queued stays, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("held", "unread");
    const held = traffic.packet();
    traffic.setMode(IPQ_COPY_NONE);
    await traffic.send("dropped 1", "dropped 2");
    // ip_queue keeps what it had queued, and tells of it.
    traffic.decide(held, NF_ACCEPT);
    traffic.decide(traffic.packet(), NF_ACCEPT);
    traffic.quiet();
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("again");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(3), ["held", "unread", "again"]);
    assert.deepEqual(traffic.receiver.pending, []);
  });

  test(`the mode changes while packets wait, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const text = "a text that is longer than any range here ".repeat(4);
    const whole = 28 + text.length;
    const steps = [[2, 0], [2, 5], [1, 0], [2, 30], [2, 20], [1, 9], [2, 65_535], [2, 40]] as const;
    const lengths: number[] = [];
    let read = 0;
    for (const [step, [mode, range]] of steps.entries()) {
      traffic.setMode(mode, range);
      // Three are sent and one is read: the others wait through later changes.
      await traffic.send(text, text, text);
      const length = mode === 1 ? 0 : range === 0 ? whole : Math.min(range, whole);
      lengths.push(length, length, length);
      const packet = traffic.packet();
      assert.equal(packet.dataLength, lengths[read++], `step ${step}`);
      traffic.decide(packet, NF_ACCEPT);
    }
    while (read < lengths.length) {
      const packet = traffic.packet();
      assert.equal(packet.dataLength, lengths[read], `packet ${read++}`);
      traffic.decide(packet, NF_ACCEPT);
    }
    const texts = await traffic.receiver.take(lengths.length);
    assert.deepEqual(texts, lengths.map(() => text));
    traffic.quiet();
  });

  test(`a range's lowest 32 bits count, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const text = "longer than any range here";
    const whole = 28 + text.length;
    const ranges = [
      ...[[2 ** 32, whole], [2 ** 32 + 30, 30], [2 ** 33 + 1, 1], [2 ** 32 - 1, whole]],
      ...[[2n ** 64n - 1n, whole], [2n ** 63n + 29n, 29], [2n ** 64n - 2n ** 32n + 20n, 20]],
    ] as const;
    for (const [range, length] of ranges) {
      traffic.setMode(IPQ_COPY_PACKET, range);
      await traffic.send(text);
      const packet = traffic.packet();
      assert.equal(packet.dataLength, length, `range ${range}`);
      traffic.decide(packet, NF_ACCEPT);
    }
    assert.equal((await traffic.receiver.take(ranges.length)).length, ranges.length);
    traffic.quiet();
  });
}
