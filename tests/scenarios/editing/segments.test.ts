// Edited packets that the kernel cuts into several later, and checksums that it computes later.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, UnfinishedChecksumError, Verdict } from "../../../mod.ts";
import { command } from "../../support/runtime/command.ts";
import { withoutBadPackets } from "../../support/network/counters.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { queueRule, tcpTo, udpTo } from "../../support/network/rules.ts";
import { sendSegments } from "../../support/traffic/udp_segments.ts";
import { TcpClient, TcpEchoServer } from "../../support/traffic/tcp.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { until } from "../../support/runtime/waiting.ts";

requireIsolation();

const timeout = 30_000;
const letters = (letter: string, count: number): Uint8Array =>
  new TextEncoder().encode(letter.repeat(count));

/** What a packet of five datagrams of 1000 bytes becomes: the lengths and first letters. */
const edits: readonly [name: string, edit: (packet: Packet) => void, arrive: string[]][] = [
  ["nothing", () => {}, Array(5).fill("1000 x")],
  ["ttl", ({ ip }) => {
    if (ip?.version === 4) ip.ttl = 9;
    else ip!.hopLimit = 9;
  }, Array(5).fill("1000 x")],
  ["source port", ({ udp }) => udp!.sourcePort = 9, Array(5).fill("1000 x")],
  ["data", ({ udp }) => udp!.payload = letters("a", 5000), Array(5).fill("1000 a")],
  ["longer", ({ udp }) => udp!.payload = letters("a", 5100), [
    ...Array(5).fill("1000 a"),
    "100 a",
  ]],
  ["shorter", ({ udp }) => udp!.payload = letters("a", 3500), [
    ...Array(3).fill("1000 a"),
    "500 a",
  ]],
  ["replaced", (packet) => {
    const bytes = packet.payload.slice();
    bytes[bytes.length - 5000] = 0x7a;
    packet.replacePayload(bytes);
  }, ["1000 z", ...Array(4).fill("1000 x")]],
];

for (const family of [4, 6] as const) {
  for (const [table, chain] of [["filter", "OUTPUT"], ["mangle", "POSTROUTING"]] as const) {
    test(`many UDP datagrams in one packet are edited, IPv${family} ${chain}`, {
      timeout,
    }, async () => {
      using receiver = await UdpSocket.open({ family });
      using queue = PacketQueue.open(nextQueue());
      // Shorter packets than loopback's MTU could be a single segment: give it Ethernet's.
      command("ip", ["link", "set", "lo", "mtu", "1500"]);
      try {
        using _rule = queueRule(queue.number, {
          family,
          table,
          chain,
          match: udpTo(receiver.port),
        });
        await withoutBadPackets(async () => {
          for (const [name, edit, arrive] of edits) {
            sendSegments(letters("x", 5000), 1000, receiver);
            queue.runSync((packet) => {
              assert.ok(packet.gso, name);
              edit(packet);
              return Verdict.Accept;
            }, { maxPackets: 1, timeout: 2000 });
            const texts = await receiver.take(arrive.length);
            assert.deepEqual(texts.map((text) => `${text.length} ${text[0]}`), arrive, name);
          }
        });
      } finally {
        command("ip", ["link", "set", "lo", "mtu", "65536"]);
      }
    });
  }
}

test("what the kernel would lose of them is refused", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  command("ip", ["link", "set", "lo", "mtu", "1500"]);
  try {
    for (const [chain, gso] of [["OUTPUT", true], ["INPUT", true], ["INPUT", false]] as const) {
      using queue = PacketQueue.open(nextQueue(), { gso });
      using _rule = queueRule(queue.number, { chain, match: udpTo(receiver.port) });
      sendSegments(letters("x", 5000), 1000, receiver);
      let packets = 0;
      queue.runSync((packet) => {
        const { ipv4, udp } = packet;
        assert.ok(ipv4 && udp);
        if (chain === "OUTPUT") {
          assert.throws(() => udp.payload = letters("a", 1000), {
            name: "RangeError",
            message: /would have 1028 bytes.*gso: false/,
          });
          assert.throws(() => ipv4.options = new Uint8Array(4).fill(1), RangeError);
          assert.equal(packet.modified, false);
        } else if (gso) {
          assert.throws(() => ipv4.ttl = 9, UnfinishedChecksumError);
          assert.throws(() => udp.payload = letters("a", 5000), UnfinishedChecksumError);
        } else udp.payload = letters("y", 1000);
        packets++;
        return Verdict.Accept;
      }, { maxPackets: gso ? 1 : 5, timeout: 2000 });
      assert.equal(packets, gso ? 1 : 5);
      const texts = await receiver.take(5);
      assert.deepEqual(texts, Array(5).fill((gso ? "x" : "y").repeat(1000)));
    }
  } finally {
    command("ip", ["link", "set", "lo", "mtu", "65536"]);
  }
});

test("large TCP packets: no longer headers, and not down to one segment", { timeout }, async () => {
  command("ip", ["link", "set", "lo", "mtu", "1500"]);
  try {
    const total = 1 << 20;
    await using server = await TcpEchoServer.open({ echo: false });
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
    let large = 0;
    await using _filter = new Filter(queue, ({ gso, ipv4, tcp }) => {
      if (!gso) return Verdict.Accept;
      assert.ok(ipv4 && tcp);
      const nops = new Uint8Array(4).fill(1);
      assert.throws(() => ipv4.options = nops, { name: "RangeError", message: /gso: false/ });
      assert.throws(() => tcp.options = Uint8Array.of(...nops, ...tcp.options), RangeError);
      assert.throws(() => tcp.payload = new Uint8Array(100), /gso: false/);
      // A shorter header fits.
      if (++large === 1) tcp.timestamps = undefined;
      return Verdict.Accept;
    });
    using client = await TcpClient.open(server.port);
    await client.pour(total);
    await until(() => server.bytes === total, { what: "every byte has arrived" });
    assert.ok(large > 0);
  } finally {
    command("ip", ["link", "set", "lo", "mtu", "65536"]);
  }
});
