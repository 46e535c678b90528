// Names of interfaces: looked up once, and right again as soon as one is renamed or gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import { command, ping } from "../support/runtime/command.ts";
import { linkWatches } from "../support/runtime/descriptors.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

test("an interface that is renamed between packets, and then is gone", {
  timeout: 30_000,
}, async () => {
  using namespace = new Namespace();
  const cable = new Cable(namespace);
  const { index, device } = cable;
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "INPUT", match: ["-p", "icmp"] });
  const devices: Packet["inDevice"][] = [];
  let last: Packet | undefined;
  await using _filter = new Filter(queue, (packet) => {
    devices.push(packet.inDevice, packet.inDevice);
    last = packet.copy();
    return Verdict.Accept;
  });
  const answered = async () => {
    const { received, output } = await ping(cable.address, { prefix: namespace.prefix });
    assert.equal(received, 1, output);
  };
  try {
    await answered();
    assert.deepEqual(devices, [{ index, name: device }, { index, name: device }]);
    assert.equal(devices[0], devices[1], "looked up once");
    // Its address stays while it is renamed.
    command("ip", ["link", "set", device, "name", "renamed"]);
    await answered();
    assert.deepEqual(devices[2], { index, name: "renamed" });
    command("ip", ["link", "set", "renamed", "name", device]);
    await answered();
    assert.deepEqual(devices[4], { index, name: device });
    // A rename that is not this one's.
    command("ip", ["link", "add", "other", "type", "veth", "peer", "name", "another"]);
    command("ip", ["link", "delete", "other"]);
    await answered();
    assert.deepEqual(devices[6], { index, name: device });
  } finally {
    cable[Symbol.dispose]();
  }
  await delay(5);
  assert.deepEqual(last?.inDevice, { index, name: "" });
});

test("more changes than the notifications' socket holds", { timeout: 60_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "INPUT", match: ["-p", "icmp"] });
  const copies: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    copies.push(packet.copy());
    return Verdict.Accept;
  });
  await ping("127.0.0.1");
  const [packet] = copies;
  assert.deepEqual(packet?.inDevice, { index: 1, name: "lo" });
  const lines = ["link add flood type veth peer name another"];
  for (let turn = 0; turn < 400; turn++) lines.push(`link set flood alias ${turn}`);
  lines.push("link delete flood", "link set lo name loop");
  command("sh", ["-c", `echo "${lines.join("\n")}" | ip -batch -`]);
  try {
    await delay(5);
    assert.deepEqual(packet?.inDevice, { index: 1, name: "loop" });
  } finally {
    command("ip", ["link", "set", "loop", "name", "lo"]);
  }
  await delay(5);
  assert.deepEqual(packet?.inDevice, { index: 1, name: "lo" });
});

test("what listens for changes is closed with the last queue", { timeout: 20_000 }, async () => {
  using socket = await UdpSocket.open();
  assert.equal(linkWatches(), 0);
  let copy: Packet | undefined;
  {
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
    await socket.send("x", socket);
    queue.runSync((packet) => {
      copy = packet.copy();
      assert.equal(packet.outDevice?.name, "lo");
      assert.equal(linkWatches(), 1);
      return Verdict.Accept;
    }, { maxPackets: 1 });
    {
      using _other = PacketQueue.open(nextQueue());
    }
    assert.equal(linkWatches(), 1);
  }
  assert.equal(linkWatches(), 0);
  assert.equal(copy?.outDevice?.name, "lo");
  assert.equal(linkWatches(), 0);
});
