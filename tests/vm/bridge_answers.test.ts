// Packets that a bridge forwards are answered by frames into the bridge.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, type RejectReason, RuleSet } from "../../mod.ts";
import { buildPacket, parseEthernet } from "../../src/packet/mod.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { until } from "../support/runtime/waiting.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";
import { Bridge } from "../support/vm/bridge.ts";
import { inMachine } from "../support/vm/machine.ts";

requireIsolation();

const PORT = 4718;
const REASONS: readonly (readonly [RejectReason | undefined, string, string])[] = [
  [undefined, "Connection refused", "Connection refused"],
  ["host-unreachable", "No route to host", "No route to host"],
];

function rulesFor(queue: PacketQueue, hook: "prerouting" | "forward"): RuleSet {
  return RuleSet.install({
    ...{ hook, family: "bridge", protocol: ["tcp", "udp"], destinationPort: PORT },
    queue: queue.number,
  });
}

for (const hook of ["forward", "prerouting"] as const) {
  test(`reject, ${hook}: the client's errno`, inMachine, async () => {
    using bridge = new Bridge();
    const { left, right } = bridge;
    left.addAddresses(["fd08::1/64"]);
    right.addAddresses(["fd08::2/64"]);
    using queue = PacketQueue.open(nextQueue());
    using _rules = rulesFor(queue, hook);
    let reason: RejectReason | undefined;
    let seen = 0;
    await using _filter = new Filter(queue, (packet) => {
      seen++;
      packet.reject({ reason });
      assert.equal(packet.unanswered, undefined);
    });
    for (const [family, address] of [[4, right.address], [6, "fd08::2"]] as const) {
      for (const protocol of ["tcp", "udp"] as const) {
        for (const [told, over4, over6] of REASONS) {
          reason = told;
          seen = 0;
          using socket = inside(
            left.namespace,
            () => new AskingSocket({ family, protocol, address, port: PORT }),
          );
          socket.ask();
          const what = `${protocol} IPv${family} ${told}`;
          assert.equal(await socket.refusal(), family === 4 ? over4 : over6, what);
          assert.equal(seen, 1, what);
        }
      }
    }
  });
}

test("an answer stays in the packet's VLAN", inMachine, async () => {
  using bridge = new Bridge();
  const { left, right } = bridge;
  left.addVlan(5, { address: "10.8.5.1", priority: 3 });
  right.addVlan(5, { address: "10.8.5.2", priority: 0 });
  using queue = PacketQueue.open(nextQueue());
  using _rules = rulesFor(queue, "forward");
  await using _filter = new Filter(queue, (packet) => {
    assert.equal(packet.vlan?.id, 5);
    packet.reject();
  });
  using socket = inside(
    left.namespace,
    () => new AskingSocket({ family: 4, protocol: "tcp", address: "10.8.5.2", port: PORT }),
  );
  socket.ask();
  assert.equal(await socket.refusal(), "Connection refused");
});

test("reset: both ends get one, each from the other's hardware address", inMachine, async () => {
  using bridge = new Bridge();
  const { left, right } = bridge;
  using queue = PacketQueue.open(nextQueue());
  using _rules = rulesFor(queue, "forward");
  await using _filter = new Filter(queue, (packet: Packet) => packet.reset());
  using atLeft = left.frames();
  using atRight = right.frames();
  const tcp = { sourcePort: 4000, destinationPort: PORT, sequenceNumber: 1000, ack: true };
  atLeft.send(buildPacket({
    ethernet: { destination: right.hardwareAddress, source: left.hardwareAddress },
    ipv4: { source: left.address, destination: right.address },
    tcp: { ...tcp, acknowledgmentNumber: 5000 },
    payload: new Uint8Array(10),
  }));
  const resets = (socket: typeof atLeft) =>
    socket.packets.map((bytes) => parseEthernet(bytes)).filter(({ layers }) => layers?.tcp?.rst);
  await until(() => resets(atLeft).length > 0 && resets(atRight).length > 0, { what: "resets" });
  const [toLeft] = resets(atLeft);
  const [toRight] = resets(atRight);
  assert.equal(toLeft!.ethernet!.source, right.hardwareAddress);
  assert.equal(toLeft!.layers!.tcp!.sequenceNumber, 5000);
  assert.equal(toRight!.ethernet!.source, left.hardwareAddress);
  assert.equal(toRight!.layers!.tcp!.sequenceNumber, 1000);
});
