// Options and extension headers where the kernel goes by what it has read of them already.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { buildPacket } from "../../../src/packet/mod.ts";
import { command } from "../../support/runtime/command.ts";
import { withoutBadPackets } from "../../support/network/counters.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Cable, Namespace } from "../../support/network/namespaces.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { RawSender } from "../../support/traffic/raw.ts";
import { queueRule, type QueueRuleOptions, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const timeout = 30_000;
const nops = new Uint8Array(4).fill(1);

/** Decides about the one packet that waits. */
function decide(queue: PacketQueue, edit: (packet: Packet) => void): void {
  const { packets } = queue.runSync((packet) => {
    edit(packet);
    return Verdict.Accept;
  }, { maxPackets: 1, timeout: 2000 });
  assert.equal(packets, 1);
  assert.equal(queue.statistics.verdictErrors, 0);
}

for (const family of [4, 6] as const) {
  test(`on INPUT the headers keep their length, IPv${family}`, { timeout }, async () => {
    using socket = await UdpSocket.open({ family });
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { family, chain: "INPUT", match: udpTo(socket.port) });
    await withoutBadPackets(async () => {
      await socket.send("the text", socket);
      decide(queue, (packet) => {
        const { ipv4, ipv6 } = packet;
        const refused = { name: "RangeError", message: /^at the hook input the kernel has read/ };
        if (ipv4) {
          assert.throws(() => ipv4.options = nops, refused);
          assert.throws(() => ipv4.optionList = [{ type: 148, data: new Uint8Array(2) }], refused);
          ipv4.options = new Uint8Array(0);
        } else {
          assert.ok(ipv6);
          const options = [{ type: 30, data: new Uint8Array(4) }];
          assert.throws(() => ipv6.hopByHopOptions = options, refused);
          assert.throws(() => ipv6.extensions = [{ protocol: 0, data: nops }], refused);
          ipv6.hopByHopOptions = undefined;
          // These are read only behind this hook.
          ipv6.destinationOptions = options;
        }
        packet.udp!.payload = new TextEncoder().encode("a longer text");
        // A copy goes nowhere.
        const copy = packet.copy();
        if (copy.ipv4) copy.ipv4.options = nops;
        else copy.ipv6!.hopByHopOptions = [];
      });
      assert.deepEqual(await socket.take(1), ["a longer text"]);
    });
  });
}

test("a packet is not left shorter than its old headers", { timeout }, async () => {
  using socket = await UdpSocket.open();
  using sender = new RawSender(4);
  for (const [size, fits] of [[2, false], [31, false], [32, true]] as const) {
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
    const addresses = { source: "127.0.0.1", destination: "127.0.0.1" } as const;
    sender.send(buildPacket({
      ipv4: { ...addresses, options: new Uint8Array(40).fill(1) },
      udp: { sourcePort: 9, destinationPort: socket.port },
      payload: new Uint8Array(size).fill(0x61),
    }));
    decide(queue, ({ ipv4, udp }) => {
      const none = new Uint8Array(0);
      if (!fits) {
        const bytes = new RegExp(`would have ${28 + size} bytes.* 60, is dropped`);
        assert.throws(() => ipv4!.options = none, { name: "RangeError", message: bytes });
        assert.equal(ipv4!.headerLength, 60);
        return;
      }
      ipv4!.options = none;
      assert.throws(() => udp!.payload = none, RangeError);
    });
    assert.deepEqual(await socket.take(1), ["a".repeat(size)]);
  }
});

/** Sends an ICMP echo request from one namespace to another, and edits it on its way. */
function forwarded(
  { chain, words }: { chain: string; words: readonly string[] },
  edit: (packet: Packet) => void,
): { sent: string; arrived: string } {
  using near = new Namespace();
  using far = new Namespace();
  using nearCable = new Cable(near);
  using farCable = new Cable(far);
  nearCable.routeEverything();
  farCable.routeEverything();
  command("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  using queue = PacketQueue.open(nextQueue());
  using after = PacketQueue.open(nextQueue());
  const match = ["-p", "icmp", "--icmp-type", "echo-request"];
  const rule: QueueRuleOptions = { table: "mangle", chain, match };
  using _rule = queueRule(queue.number, rule);
  using _after = queueRule(after.number, { ...rule, chain: "POSTROUTING" });
  // Nobody answers before ping ends, for which it fails.
  const [program = "", ...prefix] = near.prefix;
  const ping = ["ping", "-n", "-c", "1", "-W", "0.1", "-p", "42", ...words, farCable.farAddress];
  assert.throws(() => command(program, [...prefix, ...ping]));
  let sent = "";
  let arrived = "";
  decide(queue, (packet) => {
    edit(packet);
    sent = `${packet.ipv4!.options.length} ${packet.icmp!.payload.toHex()}`;
  });
  decide(after, ({ ipv4, icmp }) => {
    assert.equal(ipv4!.destination, farCable.farAddress);
    arrived = `${ipv4!.options.length} ${icmp!.payload.toHex()}`;
  });
  return { sent, arrived };
}

test("on FORWARD options that are there stay: the kernel writes into them", { timeout }, () => {
  const refused = { name: "RangeError", message: /^at the hook forward the kernel has read/ };
  const { sent, arrived } = forwarded({ chain: "FORWARD", words: ["-R"] }, ({ ipv4, icmp }) => {
    assert.equal(ipv4!.options[0], 1);
    assert.throws(() => ipv4!.options = new Uint8Array(0), refused);
    assert.throws(() => ipv4!.options = new Uint8Array(40).fill(1), refused);
    assert.throws(() => ipv4!.optionList = [], refused);
    ipv4!.options = ipv4!.options.slice();
    icmp!.payload = icmp!.payload.map((byte) => byte ^ 1);
  });
  assert.equal(arrived, sent);
  assert.match(sent, /^40 .*(43){40}/);
});

test("on FORWARD options are put in where there are none", { timeout }, () => {
  const { sent, arrived } = forwarded({ chain: "FORWARD", words: [] }, ({ ipv4 }) => {
    ipv4!.options = nops;
  });
  assert.equal(arrived, sent);
  assert.match(sent, /^4 /);
});

test("on PREROUTING options of packets that go on are taken out", { timeout }, () => {
  const { sent, arrived } = forwarded({ chain: "PREROUTING", words: ["-R"] }, ({ ipv4 }) => {
    ipv4!.options = new Uint8Array(0);
  });
  assert.equal(arrived, sent);
  assert.match(sent, /^0 /);
});
