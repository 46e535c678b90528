// ARP packets changed on a bridge: what arrives, and what the hosts make of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue } from "../../mod.ts";
import { buildPacket, parseEthernet } from "../../src/packet/mod.ts";
import { ping } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Bridge } from "../support/vm/bridge.ts";
import { FrameEditor } from "../support/vm/frame_editor.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";
import { until } from "../support/runtime/waiting.ts";
import { ARP_FIELDS } from "../packet/link_fields.ts";

requireIsolation();

/** A question of the left host. */
function request({ left, right }: Bridge): Uint8Array {
  return buildPacket({
    ethernet: { destination: "ff:ff:ff:ff:ff:ff", source: left.hardwareAddress },
    arp: {
      ...{ senderHardwareAddress: left.hardwareAddress, senderProtocolAddress: left.address },
      targetProtocolAddress: right.address,
    },
  });
}

test("every field of an ARP packet, and what the receiver learns", inMachine, async () => {
  await using editor = new FrameEditor();
  const frame = request(editor.bridge);
  for (const [name, , , values] of ARP_FIELDS) {
    for (const value of values) {
      const seen = await editor.pass(frame, {
        name: `arp.${name} = ${value}`,
        act: ({ arp }) => assert.ok(arp !== undefined && Reflect.set(arp, name, value)),
        expect: (bytes) => {
          const { arp } = parseEthernet(bytes).layers ?? {};
          assert.ok(arp !== undefined && Reflect.set(arp, name, value));
          return bytes;
        },
      });
      const { arp } = parseEthernet(seen).layers ?? {};
      assert.deepEqual(Reflect.get(arp ?? {}, name), value, name);
    }
  }

  const { left, right } = editor.bridge;
  // What was learnt may change at once, not after a second.
  right.run(["sysctl", "-qw", `net.ipv4.neigh.${right.device}.locktime=0`]);
  const neighbour = (address: string) => right.run(["ip", "neigh", "show", address]);
  const forged = "02:00:00:00:00:77";
  await editor.pass(frame, {
    name: "a forged sender",
    act: ({ arp }) => arp!.senderHardwareAddress = forged,
  });
  const known = () => neighbour(left.address).includes(`lladdr ${forged}`);
  await until(known, { what: forged, state: () => neighbour(left.address) });

  const other = "10.8.0.77";
  await editor.pass(frame, {
    name: "another sender",
    act: ({ arp }) => arp!.senderProtocolAddress = other,
  });
  const isThere = () => neighbour(other).includes(`lladdr ${left.hardwareAddress}`);
  await until(isThere, { what: other, state: () => neighbour(other) });

  // The answer to a question that nobody asked changes what is known, and no more.
  await editor.pass(frame, {
    name: "an answer",
    act: ({ arp }) => {
      arp!.operation = 2;
      arp!.senderProtocolNumber = 0x0a08004d;
      arp!.senderHardwareBytes = Uint8Array.of(2, 0, 0, 0, 0, 0x78);
      arp!.targetHardwareAddress = right.hardwareAddress;
    },
  });
  const moved = () => neighbour(other).includes("lladdr 02:00:00:00:00:78");
  await until(moved, { what: "the new address", state: () => neighbour(other) });
});

test("another host answers in the place of one that is not there", inMachine, async () => {
  using bridge = new Bridge();
  const { left } = bridge;
  const third = bridge.addHost("10.8.0.3");
  const absent = "10.8.0.99";
  using queue = PacketQueue.open(nextQueue());
  using _rule = new NftRule(
    { family: "bridge", hook: "forward" },
    `queue num ${queue.number}`,
  );
  await using _filter = new Filter(queue, (packet) => {
    const { arp, ipv4 } = packet;
    if (arp?.targetProtocolAddress === absent) arp.targetProtocolAddress = third.address;
    else if (arp?.senderProtocolAddress === third.address) arp.senderProtocolAddress = absent;
    if (ipv4?.destination === absent) ipv4.destination = third.address;
    else if (ipv4?.source === third.address) ipv4.source = absent;
    packet.accept();
  });
  const { received, output } = await ping(absent, { prefix: left.prefix, count: 2 });
  assert.equal(received, 2, output);
  const neighbour = left.run(["ip", "neigh", "show", absent]);
  assert.ok(neighbour.includes(`lladdr ${third.hardwareAddress}`), neighbour);
  assert.equal(queue.statistics.verdictErrors, 0);
});
