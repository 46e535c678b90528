// libipq over NFQUEUE: each verdict on real packets, seen by the receiver and by rule counters.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  NF_ACCEPT,
  NF_DROP,
  NF_QUEUE,
  NF_REPEAT,
  NF_STOP,
} from "../../src/ipq/mod.ts";
import { forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { udpText } from "../support/traffic/packets.ts";
import { Rule, udpTo } from "../support/network/rules.ts";

requireIsolation();

const timeout = 20_000;

for (const form of forms) {
  for (const family of [4, 6] as const) {
    test(`accept and drop, ${form.name}, IPv${family}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      using passed = new Rule({ family, chain: "INPUT", match: udpTo(traffic.receiver.port) });
      traffic.setMode(IPQ_COPY_PACKET);
      await traffic.send("bad 1", "good 1", "bad 2", "good 2", "bad 3", "end");
      for (let count = 0; count < 6; count++) {
        const packet = traffic.packet();
        const verdict = udpText(packet.payload).startsWith("bad") ? NF_DROP : NF_ACCEPT;
        assert.equal(traffic.decide(packet, verdict), 40);
      }
      assert.deepEqual(await traffic.receiver.take(3), ["good 1", "good 2", "end"]);
      assert.deepEqual(traffic.receiver.pending, []);
      assert.equal(passed.packets, 3);
      traffic.quiet();
    });

    test(`the last packet decided first, ${form.name}, IPv${family}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      traffic.setMode(IPQ_COPY_META);
      await traffic.send("one", "two", "three");
      const packets = [traffic.packet(), traffic.packet(), traffic.packet()];
      assert.equal(new Set(packets.map(({ packetId }) => packetId)).size, 3);
      for (const packet of packets.reverse()) assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
      assert.deepEqual(await traffic.receiver.take(3), ["three", "two", "one"]);
    });
  }

  test(`repeat: through the hook again, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const match = udpTo(traffic.receiver.port);
    // Behind the queue's rule: a repeated packet never gets here, an accepted one does not either.
    using behind = new Rule({ chain: "OUTPUT", match });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("again");
    for (let round = 1; round <= 3; round++) {
      const packet = traffic.packet();
      assert.equal(udpText(packet.payload), "again");
      assert.equal(traffic.rule.packets, round);
      assert.equal(traffic.decide(packet, round < 3 ? NF_REPEAT : NF_ACCEPT), 40);
    }
    assert.deepEqual(await traffic.receiver.take(1), ["again"]);
    assert.equal(behind.packets, 0);
    traffic.quiet();
  });

  test(`queue: comes back, to this queue, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("queued");
    const first = traffic.packet();
    assert.equal(traffic.decide(first, NF_QUEUE), 40);
    const second = traffic.packet();
    assert.equal(udpText(second.payload), "queued");
    // The kernel queued it itself: no rule has seen it once more.
    assert.equal(traffic.rule.packets, 1);
    assert.equal(traffic.decide(second, NF_ACCEPT), 40);
    assert.deepEqual(await traffic.receiver.take(1), ["queued"]);
  });

  test(`stop passes by what follows at the hook, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form, table: "mangle" });
    // The filter table comes after the mangle table.
    using later = new Rule({ chain: "OUTPUT", match: udpTo(traffic.receiver.port) });
    traffic.setMode(IPQ_COPY_META);
    await traffic.send("stopped", "accepted");
    assert.equal(traffic.decide(traffic.packet(), NF_STOP), 40);
    assert.deepEqual(await traffic.receiver.take(1), ["stopped"]);
    assert.equal(later.packets, 0);
    assert.equal(traffic.decide(traffic.packet(), NF_ACCEPT), 40);
    assert.deepEqual(await traffic.receiver.take(1), ["accepted"]);
    assert.equal(later.packets, 1);
  });

  test(`both hooks of a packet over loopback, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const { queue, receiver } = traffic;
    using _input = new Rule({
      chain: "INPUT",
      match: udpTo(receiver.port),
      jump: ["NFQUEUE", "--queue-num", String(queue)],
    });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("twice");
    for (const hook of [3, 1]) {
      const packet = traffic.packet();
      assert.equal(packet.hook, hook);
      assert.deepEqual(receiver.pending, []);
      assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
    }
    assert.deepEqual(await receiver.take(1), ["twice"]);
  });
}
