// libipq over NFQUEUE: what a packet's message tells, against what a real ip_queue kernel was
// observed to tell and against what is known of the packet.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  type IpqPacketMessage,
  NF_ACCEPT,
} from "../../src/ipq/mod.ts";
import { ping } from "../support/runtime/command.ts";
import { functions, protocols, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { ipHeaderLength, udpText } from "../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";

requireIsolation();

const timeout = 20_000;
const NO_BYTES = new Uint8Array(0);

/** Everything but what differs from packet to packet. */
function fixed(packet: IpqPacketMessage): Partial<IpqPacketMessage> {
  const { packetId: _id, payload: _payload, ...rest } = packet;
  return { ...rest, hwAddress: packet.hwAddress.slice() };
}

for (const family of [4, 6] as const) {
  const header = family === 4 ? 28 : 48;

  test(`output over loopback, IPv${family}`, { timeout }, async () => {
    using traffic = await Traffic.open({ family });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("hello");
    const packet = traffic.packet();
    assert.deepEqual(fixed(packet), {
      mark: 0n,
      timestampSeconds: 0,
      timestampMicroseconds: 0,
      hook: 3,
      indevName: "",
      outdevName: "lo",
      hwProtocol: 0,
      hwType: 0,
      hwAddress: NO_BYTES,
      dataLength: header + 5,
    });
    assert.ok(packet.packetId > 0n);
    assert.equal(packet.payload.length, packet.dataLength);
    assert.equal(packet.payload[0]! >> 4, family);
    assert.equal(udpText(packet.payload), "hello");
    traffic.decide(packet, NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["hello"]);
  });

  test(`input over loopback, IPv${family}`, { timeout }, async () => {
    using traffic = await Traffic.open({ family, chain: "INPUT" });
    traffic.setMode(IPQ_COPY_PACKET);
    const before = Date.now();
    let packet: IpqPacketMessage;
    for (;;) {
      await traffic.send("hello");
      packet = traffic.packet();
      traffic.decide(packet, NF_ACCEPT);
      // The kernel turns its clock on a little later than it is told to.
      if (packet.timestampSeconds !== 0 || Date.now() - before > 5000) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const arrived = packet.timestampSeconds * 1000 + packet.timestampMicroseconds / 1000;
    assert.ok(arrived > before - 5 && arrived < Date.now() + 5, `${arrived} is not ${before}`);
    assert.ok(packet.timestampMicroseconds >= 0 && packet.timestampMicroseconds < 1e6);
    assert.deepEqual(fixed(packet), {
      mark: 0n,
      timestampSeconds: packet.timestampSeconds,
      timestampMicroseconds: packet.timestampMicroseconds,
      hook: 1,
      indevName: "lo",
      outdevName: "",
      hwProtocol: family === 4 ? 0x0800 : 0x86dd,
      hwType: 772,
      hwAddress: new Uint8Array(6),
      dataLength: header + 5,
    });
    assert.deepEqual(await traffic.receiver.take(1), ["hello"]);
  });

  test(`a mark, IPv${family}`, { timeout }, async () => {
    using traffic = await Traffic.open({ family });
    using _mark = new Rule({
      ...{ family, table: "mangle", chain: "OUTPUT", match: udpTo(traffic.receiver.port) },
      jump: ["MARK", "--set-mark", "0xfedcba98"],
    });
    traffic.setMode(IPQ_COPY_META);
    await traffic.send("marked");
    const packet = traffic.packet();
    assert.equal(packet.mark, 0xfedcba98n);
    traffic.decide(packet, NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["marked"]);
  });

  test(`input from a network card, IPv${family}`, { timeout }, async () => {
    using namespace = new Namespace();
    using cable = new Cable(namespace);
    const queue = nextQueue();
    using handle = functions.create(protocols[family], queue);
    assert.ok(handle);
    functions.setMode(handle, IPQ_COPY_PACKET);
    const match = ["-p", family === 4 ? "icmp" : "icmpv6", "-i", cable.device];
    const request = family === 4 ? ["--icmp-type", "8"] : ["--icmpv6-type", "128"];
    using _rule = queueRule(queue, { family, chain: "INPUT", match: [...match, ...request] });
    const address = family === 4 ? cable.address : cable.address6;
    const pinging = ping(address, { prefix: namespace.prefix });
    const buffer = new Uint8Array(2048);
    const count = await handle.readAsync(buffer, { timeout: 5_000_000 });
    const packet = functions.getPacket(buffer.subarray(0, count));
    assert.ok(packet);
    assert.equal(packet.hook, 1);
    assert.equal(packet.indevName, cable.device);
    assert.equal(packet.outdevName, "");
    assert.equal(packet.hwType, 1);
    assert.equal(packet.hwProtocol, family === 4 ? 0x0800 : 0x86dd);
    const sender = Array.from(packet.hwAddress, (byte) => byte.toString(16).padStart(2, "0"));
    assert.equal(sender.join(":"), cable.farHardwareAddress);
    assert.equal(handle.setVerdict(packet.packetId, NF_ACCEPT), 40);
    const { sent, received } = await pinging;
    assert.deepEqual({ sent, received }, { sent: 1, received: 1 });
  });

  test(`lengths in both modes, IPv${family}`, { timeout }, async () => {
    using traffic = await Traffic.open({ family });
    const text = "0123456789abcdefghijklmnopqrstuvwxyz";
    const whole = header + text.length;
    const cases: readonly (readonly [range: number | bigint, length: number])[] = [
      [0, whole],
      ...[1, 19, 30, 31, 32, 33, whole - 1, whole, whole + 1].map((range) =>
        [range, Math.min(range, whole)] as const
      ),
      [65_531, whole],
      [65_535, whole],
      [65_536, whole],
      [2 ** 32 + 7, 7],
      [2n ** 64n - 1n, whole],
    ];
    for (const [range, length] of cases) {
      traffic.setMode(IPQ_COPY_PACKET, range);
      await traffic.send(text);
      const message = traffic.message().slice();
      assert.equal(message.length, (112 + length + 3) & ~3, `range ${range}`);
      const view = new DataView(message.buffer);
      // nlmsghdr: length, type, flags, sequence number, port.
      assert.deepEqual(
        [view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true)],
        [message.length, 0x13, 0],
      );
      assert.deepEqual([view.getUint32(8, true), view.getUint32(12, true)], [0, 0]);
      const packet = functions.getPacket(message);
      assert.ok(packet);
      assert.deepEqual([packet.dataLength, packet.payload.length], [length, length]);
      assert.ok(message.subarray(112 + length).every((byte) => byte === 0), "zeros behind it");
      assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
      assert.deepEqual(await traffic.receiver.take(1), [text]);

      traffic.setMode(IPQ_COPY_META, range);
      await traffic.send(text);
      assert.equal(traffic.message().length, 112);
      const meta = functions.getPacket(traffic.buffer.subarray(0, 112));
      assert.ok(meta);
      assert.deepEqual([meta.dataLength, meta.payload.length], [0, 0]);
      traffic.decide(meta, NF_ACCEPT);
      assert.deepEqual(await traffic.receiver.take(1), [text]);
    }
  });

  test(`a large packet, whole and in part, IPv${family}`, { timeout }, async () => {
    using traffic = await Traffic.open({ family });
    const text = "y".repeat(65_400);
    for (const range of [0, 65_000, 100_000]) {
      traffic.setMode(IPQ_COPY_PACKET, range);
      await traffic.send(text);
      const packet = traffic.packet();
      assert.equal(packet.dataLength, range === 65_000 ? 65_000 : header + 65_400);
      const data = packet.payload.subarray(ipHeaderLength(packet.payload) + 8);
      assert.ok(data.every((byte) => byte === 0x79));
      traffic.decide(packet, NF_ACCEPT);
      assert.equal((await traffic.receiver.receive()).bytes.length, 65_400);
    }
  });
}

test("other bytes of a longer buffer stay as they are", { timeout }, async () => {
  using traffic = await Traffic.open();
  traffic.setMode(IPQ_COPY_PACKET);
  await traffic.send("x");
  traffic.buffer.fill(0xee);
  const { length } = traffic.message();
  assert.ok(traffic.buffer.subarray(length).every((byte) => byte === 0xee));
});
