// libipq over NFQUEUE: another payload in the verdict, as the receiver gets it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPQ_COPY_META, IPQ_COPY_PACKET, NF_ACCEPT, NF_REPEAT } from "../../src/ipq/mod.ts";
import { finishChecksums } from "../../src/packet/mod.ts";
import { forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { ipHeaderLength, udpText, withUdpText } from "../support/traffic/packets.ts";
import { Rule, udpTo } from "../support/network/rules.ts";

requireIsolation();

const timeout = 20_000;

for (const form of forms) {
  for (const family of [4, 6] as const) {
    test(`a byte changed, checksums mended, ${form.name}, IPv${family}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      traffic.setMode(IPQ_COPY_PACKET);
      await traffic.send("a cat sat");
      const packet = traffic.packet();
      const data = packet.payload.slice();
      data[ipHeaderLength(data) + 8 + 2] = "r".charCodeAt(0);
      finishChecksums(data);
      assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + data.length);
      assert.deepEqual(await traffic.receiver.take(1), ["a rat sat"]);
      traffic.quiet();
    });

    test(`longer and shorter payloads, ${form.name}, IPv${family}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      traffic.setMode(IPQ_COPY_PACKET);
      const texts = ["x".repeat(1400), "y", ""];
      for (const text of texts) {
        await traffic.send("something");
        const packet = traffic.packet();
        const data = withUdpText(packet.payload, text);
        assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + data.length);
        assert.equal((await traffic.receiver.receive()).text, text);
      }
      traffic.quiet();
    });

    test(`too short for an IP header: ignored, ${form.name}, IPv${family}`, {
      timeout,
    }, async () => {
      using traffic = await Traffic.open({ form, family });
      traffic.setMode(IPQ_COPY_PACKET);
      const least = family === 4 ? 20 : 40;
      for (const length of [1, 7, least - 1]) {
        await traffic.send(`whole ${length}`);
        const data = new Uint8Array(length).fill(0xff);
        assert.equal(traffic.decide(traffic.packet(), NF_ACCEPT, data), 40 + length);
        assert.deepEqual(await traffic.receiver.take(1), [`whole ${length}`]);
      }
      traffic.quiet();
    });
  }

  test(`no checksum of its own is mended, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    using arrived = new Rule({ chain: "INPUT", match: udpTo(traffic.receiver.port) });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("damaged", "next");
    const packet = traffic.packet();
    const data = packet.payload.slice();
    data[data.length - 1] = "x".charCodeAt(0);
    assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + data.length);
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["next"]);
    assert.deepEqual(traffic.receiver.pending, []);
    assert.equal(arrived.packets, 2, "UDP drops it, not the firewall");
  });

  test(`a packet of which only a part was copied, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET, 28);
    await traffic.send("replaced whole", "passes whole");
    const packet = traffic.packet();
    assert.equal(packet.dataLength, 28);
    const data = withUdpText(packet.payload, "by this");
    assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + data.length);
    assert.equal(traffic.decide(traffic.packet(), NF_ACCEPT), 40);
    assert.deepEqual(await traffic.receiver.take(2), ["by this", "passes whole"]);
  });

  test(
    `a payload for a packet of which nothing was copied, ${form.name}`,
    { timeout },
    async () => {
      using traffic = await Traffic.open({ form });
      traffic.setMode(IPQ_COPY_PACKET);
      await traffic.send("first");
      const packet = traffic.packet();
      const data = withUdpText(packet.payload, "second");
      traffic.decide(packet, NF_ACCEPT);
      traffic.setMode(IPQ_COPY_META);
      await traffic.send("1st");
      assert.equal(traffic.decide(traffic.packet(), NF_ACCEPT, data), 40 + data.length);
      assert.deepEqual(await traffic.receiver.take(2), ["first", "second"]);
    },
  );

  test(`repeat with a payload: it comes back changed, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("once");
    const packet = traffic.packet();
    const data = withUdpText(packet.payload, "and once more");
    assert.equal(traffic.decide(packet, NF_REPEAT, data), 40 + data.length);
    const again = traffic.packet();
    assert.equal(udpText(again.payload), "and once more");
    traffic.decide(again, NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["and once more"]);
  });

  test(`longer than a packet can be: dropped, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    for (const length of [65_536, 200_000]) {
      await traffic.send("too long", "next");
      assert.equal(
        traffic.decide(traffic.packet(), NF_ACCEPT, new Uint8Array(length)),
        40 + length,
      );
      traffic.decide(traffic.packet(), NF_ACCEPT);
      assert.deepEqual(await traffic.receiver.take(1), ["next"]);
      traffic.quiet();
    }
  });

  test(`longer than a message can be: the send fails, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("still queued");
    const packet = traffic.packet();
    assert.equal(traffic.decide(packet, NF_ACCEPT, new Uint8Array(213_000)), -1);
    assert.deepEqual([traffic.handle.errno, traffic.handle.systemErrno], [12, 90]);
    assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
    assert.deepEqual(await traffic.receiver.take(1), ["still queued"]);
  });
}

test("the longest payload there is", { timeout }, async () => {
  using traffic = await Traffic.open();
  traffic.setMode(IPQ_COPY_PACKET);
  await traffic.send("short");
  const packet = traffic.packet();
  const text = "z".repeat(65_507);
  // UDP's own limit is 65507, an attribute's 65531 with both headers.
  const data = withUdpText(packet.payload, text.slice(4));
  assert.equal(data.length, 65_531);
  assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + 65_531);
  assert.equal((await traffic.receiver.receive()).bytes.length, 65_503);
});
