// VLAN tags and layer-2 headers, read and set; the ports of a bridge under br_netfilter.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import { command, ping } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule } from "../support/network/rules.ts";
import { Bridge } from "../support/vm/bridge.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";

requireIsolation();

/** Sends every frame that the bridge forwards to the queue. */
function everything(queue: PacketQueue): NftRule {
  return new NftRule({ family: "bridge", hook: "forward" }, `queue num ${queue.number}`);
}

test(
  "a VLAN tag is read and set: two hosts in different VLANs reach each other",
  inMachine,
  async () => {
    using bridge = new Bridge();
    const { left, right } = bridge;
    left.addVlan(5, { address: "10.8.5.1", priority: 3 });
    right.addVlan(7, { address: "10.8.5.2", priority: 0 });
    using queue = PacketQueue.open(nextQueue());
    using _rule = everything(queue);
    const tags: Packet["vlan"][] = [];
    await using _filter = new Filter(queue, (packet) => {
      const { vlan } = packet;
      if (packet.etherType === 0x800) tags.push(vlan);
      if (vlan === undefined) packet.accept();
      else packet.accept({ vlan: { id: vlan.id === 5 ? 7 : 5 } });
    });
    for (let turn = 0; turn < 2; turn++) {
      const { received, output } = await ping("10.8.5.2", { prefix: left.prefix });
      assert.equal(received, 1, output);
    }
    const request = { id: 5, priority: 3, dropEligible: false, protocol: 0x8100 };
    const reply = { id: 7, priority: 0, dropEligible: false, protocol: 0x8100 };
    assert.deepEqual(tags, [request, reply, request, reply]);
    assert.equal(queue.statistics.verdictErrors, 0);
  },
);

test("a frame without a tag gets one, with its priority", inMachine, async () => {
  using bridge = new Bridge();
  const { left, right } = bridge;
  right.addVlan(9, { address: "10.8.9.2", priority: 0 });
  using queue = PacketQueue.open(nextQueue());
  using _rule = everything(queue);
  const seen: unknown[] = [];
  // What leaves the bridge is seen by a rule of its own; the tag is no longer changed there.
  using after = PacketQueue.open(nextQueue());
  using _after = new NftRule(
    { family: "bridge", hook: "postrouting" },
    `queue num ${after.number}`,
  );
  await using _tagger = new Filter(queue, (packet) => {
    if (packet.icmp?.type !== 8) return Verdict.Accept;
    packet.accept({ vlan: { id: 9, priority: 6, dropEligible: true, protocol: 0x8100 } });
  });
  await using _observer = new Filter(after, (packet) => {
    if (packet.icmp?.type === 8) seen.push(packet.vlan);
    return Verdict.Accept;
  });
  const received = () =>
    Number(
      right.run(["cat", "/proc/net/dev"]).split("\n").find((line) => line.includes("vlan9"))
        ?.trim().split(/[:\s]+/)[2],
    );
  const before = received();
  await ping(right.address, { prefix: left.prefix, wait: 1 });
  assert.deepEqual(seen, [{ id: 9, priority: 6, dropEligible: true, protocol: 0x8100 }]);
  assert.equal(received(), before + 1, "the right host's VLAN device has got it");
});

test("a layer-2 header is read and set", inMachine, async () => {
  using bridge = new Bridge();
  const { left, right } = bridge;
  const forged = "02:00:00:00:00:99";
  const count = ["iptables", "-w", "-A", "INPUT", "-m", "mac", "--mac-source"];
  right.run([...count, left.hardwareAddress]);
  right.run([...count, forged]);
  using queue = PacketQueue.open(nextQueue());
  using _rule = everything(queue);
  const headers: string[] = [];
  await using _filter = new Filter(queue, (packet) => {
    const { layer2Header } = packet;
    if (packet.icmp?.type !== 8 || layer2Header === undefined) return Verdict.Accept;
    headers.push(layer2Header.toHex());
    assert.throws(() => packet.accept({ layer2Header: new Uint8Array(13) }), RangeError);
    const changed = layer2Header.slice();
    changed[11] = 0x99;
    packet.accept({ layer2Header: changed });
  });
  const { received, output } = await ping(right.address, { prefix: left.prefix, count: 2 });
  assert.equal(received, 2, output);
  const [to, from] = [right, left].map((host) => host.hardwareAddress.replaceAll(":", ""));
  assert.deepEqual(headers, [`${to}${from}0800`, `${to}${from}0800`]);
  const [own, other] = right.run(["iptables", "-w", "-nvxL", "INPUT"]).trim().split("\n").slice(2)
    .map((line) => Number(line.trim().split(/\s+/)[0]));
  assert.deepEqual([own, other], [0, 2]);
  assert.equal(queue.statistics.verdictErrors, 0);
});

test(
  "a bridge splits nothing: no growth past the MTU of the port, without DF",
  inMachine,
  async () => {
    using bridge = new Bridge();
    const { left, right } = bridge;
    using queue = PacketQueue.open(nextQueue());
    using _rule = everything(queue);
    const sizes: number[] = [];
    await using _filter = new Filter(queue, (packet) => {
      const { icmp, ipv4, length } = packet;
      if (icmp?.type !== 8 || ipv4 === undefined) return Verdict.Accept;
      ipv4.dontFragment = false;
      assert.throws(() => icmp.payload = new Uint8Array(1473), {
        name: "RangeError",
        message:
          /would have 1501 bytes, and port\d+ takes 1500 \(its MTU\): a bridge splits nothing/,
      });
      sizes.push(length, packet.length);
      icmp.payload = Uint8Array.of(...icmp.payload, ...new Uint8Array(1472 - icmp.payload.length));
      sizes.push(packet.length);
      return Verdict.Accept;
    });
    const { received, output } = await ping(right.address, { prefix: left.prefix });
    assert.equal(received, 1, output);
    assert.deepEqual(sizes, [84, 84, 1500]);
  },
);

test("the ports of the bridge that an IP packet came in by and leaves by", inMachine, async () => {
  command("modprobe", ["br_netfilter"]);
  command("sysctl", ["-qw", "net.bridge.bridge-nf-call-iptables=1"]);
  using bridge = new Bridge();
  const { left, right } = bridge;
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "FORWARD", match: ["-p", "icmp"] });
  const copies: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    copies.push(packet.copy());
    return Verdict.Accept;
  });
  const { received, output } = await ping(right.address, { prefix: left.prefix });
  assert.equal(received, 1, output);
  const device = { index: bridge.index, name: bridge.device };
  const [near, far] = [left, right].map(({ portIndex, port }) => ({
    index: portIndex,
    name: port,
  }));
  const devices = copies.map((packet) => [
    ...[packet.family, packet.inDevice, packet.outDevice],
    ...[packet.physicalInDevice, packet.physicalOutDevice],
  ]);
  assert.deepEqual(devices, [
    ["ipv4", device, device, near, far],
    ["ipv4", device, device, far, near],
  ]);
});
