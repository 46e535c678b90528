// Packets that were copied in part, or not at all: they go on whole, or not at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TruncatedPacketError, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText, withUdpText } from "../../support/traffic/packets.ts";

requireIsolation();

const long = "0123456789".repeat(100);
const headers = { 4: 20 + 8, 6: 40 + 8 } as const;

for (const family of [4, 6] as const) {
  test(`metadata only, IPv${family}`, { timeout: 20_000 }, async () => {
    await using scene = await Scene.udp({ family, queue: { copyRange: 0 } });
    const { receiver, sender } = scene;
    let rounds = 0;
    scene.run((packet) => {
      assert.equal(packet.payload.length, 0);
      assert.equal(packet.truncated, true);
      assert.equal(packet.ip, undefined);
      assert.equal(packet.udp, undefined);
      assert.equal(packet.outDevice?.name, "lo");
      assert.ok(packet.toString().length > 0);
      assert.throws(() => packet.replacePayload(new Uint8Array(40)), TruncatedPacketError);
      if (rounds++ === 1) packet.drop();
      else packet.accept();
    });
    await sender.sendAll([long, "dropped", "last"], receiver);
    assert.deepEqual(await receiver.take(2), [long, "last"]);
  });

  test(`truncated packets go on whole, IPv${family}`, { timeout: 20_000 }, async () => {
    const copyRange = headers[family] + 10;
    await using scene = await Scene.udp({ family, queue: { copyRange } });
    const { receiver, sender } = scene;
    const seen: string[] = [];
    scene.run((packet) => {
      seen.push(udpText(packet.payload));
      assert.equal(packet.payload.length, copyRange);
      assert.equal(packet.length, headers[family] + long.length);
      assert.equal(packet.truncated, true);
      assert.equal(packet.udp?.destinationPort, receiver.port);
      const shortened = withUdpText(packet.payload, "cut");
      assert.throws(() => packet.replacePayload(shortened), (error: unknown) => {
        assert.ok(error instanceof TruncatedPacketError);
        assert.match(error.message, /copyRange/);
        return true;
      });
      return Verdict.Accept;
    });
    await sender.send(long, receiver);
    assert.deepEqual(await receiver.take(1), [long]);
    assert.deepEqual(seen, [long.slice(0, 10)]);
  });

  test(`a packet of exactly the copy range is whole, IPv${family}`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp({ family, queue: { copyRange: headers[family] + 10 } });
    const { receiver, sender } = scene;
    const seen: boolean[] = [];
    scene.run((packet) => {
      seen.push(packet.truncated);
      if (!packet.truncated) packet.replacePayload(withUdpText(packet.payload, "replaced"));
      return Verdict.Accept;
    });
    await sender.sendAll(["012345678", "0123456789", "0123456789a"], receiver);
    assert.deepEqual(await receiver.take(3), ["replaced", "replaced", "0123456789a"]);
    assert.deepEqual(seen, [false, false, true]);
  });
}

test("the largest UDP packets are copied whole and replaced", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  // 65531 bytes of payload fit an attribute; a UDP packet may have four more.
  const largest = "x".repeat(65531 - 28);
  scene.run((packet) => {
    if (!packet.truncated) {
      packet.replacePayload(
        withUdpText(packet.payload, udpText(packet.payload).replaceAll("x", "y")),
      );
    }
    packet.accept();
  });
  await sender.send(largest, receiver);
  assert.deepEqual(await receiver.take(1), [largest.replaceAll("x", "y")]);
  await sender.send(`${largest}1234`, receiver);
  assert.deepEqual(await receiver.take(1), [`${largest}1234`]);
});
