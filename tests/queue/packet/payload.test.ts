// Payloads replaced: shorter, of equal length, longer; IPv4 and IPv6; on the way out and in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText, withUdpText } from "../../support/traffic/packets.ts";
import { Rule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const original = "the original text";
const replacements = {
  shorter: "short",
  "odd and shorter": "sho",
  empty: "",
  equal: "THE ORIGINAL TEXT",
  longer: `${original}, and ${"more ".repeat(100)}`,
  "much longer": "x".repeat(9001),
};

for (const [kind, text] of Object.entries(replacements)) {
  for (const family of [4, 6] as const) {
    for (const [chain, gso] of [["OUTPUT", true], ["OUTPUT", false], ["INPUT", true]] as const) {
      // Without GSO the kernel finishes checksums itself, so those made here must be right.
      const name = `${kind} payload, IPv${family}, ${chain}, gso: ${gso}`;
      test(name, { timeout: 20_000 }, async () => {
        await using scene = await Scene.udp({ family, chain, queue: { gso } });
        const { receiver, sender } = scene;
        scene.run((packet) => {
          if (udpText(packet.payload) === original) {
            packet.replacePayload(withUdpText(packet.payload, text));
          }
          packet.accept();
        });
        await sender.sendAll(["before", original, "after"], receiver);
        assert.deepEqual(await receiver.take(3), ["before", text, "after"]);
      });
    }
  }
}

test("a replaced payload and a mark go in one verdict", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const match = udpTo(receiver.port);
  using counter = new Rule({
    ...{ table: "mangle", chain: "POSTROUTING" },
    match: [...match, "-m", "mark", "--mark", "0x42"],
  });
  scene.run((packet) => {
    packet.replacePayload(withUdpText(packet.payload, "new"));
    packet.accept({ mark: 0x42 });
  });
  await sender.send("old", receiver);
  assert.deepEqual(await receiver.take(1), ["new"]);
  assert.equal(counter.packets, 1);
});

test("a replaced payload goes along with repeat and requeue", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  using second = PacketQueue.open(nextQueue());
  scene.run((packet) => {
    const text = udpText(packet.payload);
    packet.replacePayload(withUdpText(packet.payload, `${text}+`));
    if (text.length < 4) packet.repeat();
    else packet.requeue(second.number);
  });
  await using _second = new Filter(second, (packet) => {
    packet.replacePayload(withUdpText(packet.payload, `${udpText(packet.payload)}!`));
    return Verdict.Accept;
  });
  await sender.send("a", receiver);
  assert.deepEqual(await receiver.take(1), ["a++++!"]);
});

test("the last replacement counts, and drop forgets it", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  scene.run((packet) => {
    const isBad = udpText(packet.payload) === "bad";
    packet.replacePayload(withUdpText(packet.payload, "first"));
    packet.replacePayload(withUdpText(packet.payload, "second"));
    if (isBad) packet.drop();
    else packet.accept();
  });
  await sender.sendAll(["bad", "good"], receiver);
  assert.deepEqual(await receiver.take(1), ["second"]);
});

test("the replacement is taken as it is at that moment", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  let replacement = new Uint8Array();
  scene.run((packet) => {
    replacement = new Uint8Array(withUdpText(packet.payload, "as given"));
    packet.replacePayload(replacement);
    packet.accept();
    // Verdicts leave in batches: what the program does to its bytes afterwards is its own affair.
    replacement.fill(0);
  });
  await sender.send("anything", receiver);
  assert.deepEqual(await receiver.take(1), ["as given"]);
});

test("when a replacement is read does not hang on the state of the checksum", {
  timeout: 20_000,
}, async () => {
  const results = new Set<string>();
  for (const gso of [true, false]) {
    await using scene = await Scene.udp({ queue: { gso } });
    const { receiver, sender } = scene;
    scene.run((packet) => {
      assert.equal(packet.checksumNotReady, gso);
      const replacement = withUdpText(packet.payload, "early");
      packet.replacePayload(replacement);
      replacement.set(withUdpText(packet.payload, "later"));
      return Verdict.Accept;
    });
    await sender.send("x", receiver);
    results.add((await receiver.take(1)).join());
  }
  assert.equal(results.size, 1, [...results].join(" and "));
});

test("replaced and plain packets keep their order in a burst", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const texts = Array.from({ length: 120 }, (_, index) => `${index}`);
  const handler = (packet: Packet): void => {
    const text = udpText(packet.payload);
    const number = Number(text);
    if (number % 7 === 3) return packet.drop();
    if (number % 5 === 1) packet.replacePayload(withUdpText(packet.payload, `new ${text}`));
    packet.accept();
  };
  await sender.sendAll(texts, receiver);
  queue.runSync(handler, { maxPackets: texts.length });
  const expected = texts.filter((text) => Number(text) % 7 !== 3)
    .map((text) => Number(text) % 5 === 1 ? `new ${text}` : text);
  assert.deepEqual(await receiver.take(expected.length), expected);
});

test("more replaced bytes than one send takes", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver } = scene;
  using left = await UdpSocket.open();
  using right = await UdpSocket.open();
  const match = udpTo(receiver.port);
  using replaced = new Rule({
    ...{ chain: "INPUT", jump: ["DROP"] },
    match: [...match, "-m", "length", "--length", String(20 + 8 + 30_000)],
  });
  // Small when sent and large when replaced: 20 of them, far above the buffer for verdicts.
  for (let count = 0; count < 10; count++) {
    await left.send("small", receiver);
    await right.send("small", receiver);
  }
  const text = "x".repeat(30_000);
  queue.runSync((packet) => {
    packet.replacePayload(withUdpText(packet.payload, text));
    return Verdict.Accept;
  }, { maxPackets: 20 });
  assert.equal(replaced.packets, 20);
  assert.equal(queue.statistics.verdictErrors, 0);
});

test("payloads that are no bytes or too long throw", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.send("text", receiver);
  queue.runSync((packet) => {
    for (const wrong of ["text", null, undefined, 5, [1, 2], new ArrayBuffer(4)]) {
      assert.throws(() => packet.replacePayload(wrong as unknown as Uint8Array), TypeError);
    }
    // A netlink attribute's length has 16 bits, its header takes four bytes of that.
    assert.throws(() => packet.replacePayload(new Uint8Array(65532)), RangeError);
    assert.throws(() => packet.replacePayload(new Uint8Array(0)), RangeError);
    // The data alone, as if it were udp.payload.
    const data = new TextEncoder().encode("no packet, but its data only");
    assert.throws(() => packet.replacePayload(data), {
      name: "RangeError",
      message: /a whole IPv4 packet.*got 28 bytes that are none; .*udp\.payload/,
    });
    assert.throws(() => packet.replacePayload(Uint8Array.of(0x45)), RangeError);
    const copy = packet.copy();
    const other = packet.payload.slice();
    other[8] = 9;
    copy.replacePayload(other);
    assert.equal(copy.ip?.ttl, 9);
    assert.notEqual(packet.ip?.ttl, 9);
    assert.equal(packet.verdict, undefined);
    packet.accept();
  }, { maxPackets: 1 });
  assert.deepEqual(await receiver.take(1), ["text"]);
});
