// Large TCP packets: taken whole with GSO, cut by the kernel without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { SmallLoopback } from "../support/network/loopback.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { withTcpChecksum } from "../support/traffic/packets.ts";
import { queueRule, tcpTo } from "../support/network/rules.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const { mtu } = SmallLoopback;
const total = 4 << 20;

/** What the filter saw of a bulk transfer. */
interface Seen {
  longest: number;
  large: number;
  small: number;
  unfinished: number;
}

async function transfer(queue: PacketQueue): Promise<Seen> {
  await using server = await TcpEchoServer.open({ echo: false });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
  const seen: Seen = { longest: 0, large: 0, small: 0, unfinished: 0 };
  await using _filter = new Filter(queue, (packet) => {
    seen.longest = Math.max(seen.longest, packet.length);
    // The flag and the length tell the same story.
    assert.equal(packet.gso, packet.length > mtu);
    if (packet.gso) seen.large++;
    else seen.small++;
    if (packet.checksumNotReady) seen.unfinished++;
    return Verdict.Accept;
  });
  using client = await TcpClient.open(server.port);
  await client.pour(total);
  await until(() => server.bytes === total, { what: "every byte has arrived" });
  return seen;
}

test("with gso (the default) large packets come whole", { timeout: 30_000 }, async () => {
  using _loopback = new SmallLoopback();
  using queue = PacketQueue.open(nextQueue());
  const seen = await transfer(queue);
  assert.ok(seen.large > 0, "no packet was larger than the MTU");
  assert.ok(seen.longest > mtu && seen.longest <= 65535, `${seen.longest}`);
  assert.ok(seen.unfinished >= seen.large, "large packets have no checksum yet");
  assert.equal(queue.statistics.verdictErrors, 0);
});

test("without gso the kernel cuts them and finishes checksums", { timeout: 30_000 }, async () => {
  using _loopback = new SmallLoopback();
  using queue = PacketQueue.open(nextQueue(), { gso: false, maxLength: 8192 });
  const seen = await transfer(queue);
  assert.equal(seen.large, 0);
  assert.ok(seen.longest <= mtu, `${seen.longest}`);
  assert.equal(seen.unfinished, 0);
  assert.ok(seen.small >= total / mtu);
});

test("large packets go on whole with a small copy range", { timeout: 30_000 }, async () => {
  using _loopback = new SmallLoopback();
  using queue = PacketQueue.open(nextQueue(), { copyRange: 64 });
  const seen = await transfer(queue);
  assert.ok(seen.large > 0);
  assert.ok(seen.longest > mtu);
});

for (const gso of [true, false]) {
  test(`a TCP stream is rewritten on the way, gso: ${gso}`, { timeout: 30_000 }, async () => {
    using _loopback = new SmallLoopback();
    using queue = PacketQueue.open(nextQueue(), { gso, maxLength: 8192 });
    let wrong = 0;
    await using server = await TcpEchoServer.open({
      echo: false,
      hear: (chunk) => wrong += chunk.filter((byte) => byte !== 0xab).length,
    });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
    let large = 0;
    await using _filter = new Filter(queue, (packet) => {
      const { ip, tcp } = packet;
      assert.ok(ip && tcp);
      const start = ip.headerLength + tcp.headerLength;
      if (packet.length > start) {
        assert.equal(packet.truncated, false);
        if (packet.gso) large++;
        const bytes = new Uint8Array(packet.payload);
        bytes.fill(0xab, start);
        packet.replacePayload(withTcpChecksum(bytes));
      }
      return Verdict.Accept;
    });
    using client = await TcpClient.open(server.port);
    await client.pour(total);
    await until(() => server.bytes === total, { what: "every byte has arrived" });
    assert.equal(wrong, 0);
    assert.equal(large > 0, gso);
    assert.equal(queue.statistics.verdictErrors, 0);
  });
}
