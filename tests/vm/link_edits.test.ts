// Ethernet headers and VLAN tags that are assigned to on a bridge.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, type VlanOptions } from "../../mod.ts";
import { buildPacket, parseEthernet, type VlanFields } from "../../src/packet/mod.ts";
import { ping } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Bridge, type BridgeHost } from "../support/vm/bridge.ts";
import { FrameEditor } from "../support/vm/frame_editor.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";
import { counting } from "../packet/edits.ts";
import { ETHERNET_FIELDS } from "../packet/link_fields.ts";

requireIsolation();

function frameFor({ left, right }: Bridge, tag?: VlanFields): Uint8Array {
  return buildPacket({
    ethernet: { destination: right.hardwareAddress, source: left.hardwareAddress },
    ...(tag && { vlan: [tag] }),
    ipv4: { source: left.address, destination: right.address },
    udp: { sourcePort: 1, destinationPort: 2 },
    payload: counting(20),
  });
}

const TAGS: readonly VlanOptions[] = [
  {},
  ...[0, 1, 4095].map((id) => ({ id })),
  ...[0, 7].map((priority) => ({ priority })),
  ...[true, false].map((dropEligible) => ({ dropEligible })),
  ...[0x8100, 0x88a8, 0x9100].map((protocol) => ({ protocol })),
  { id: 0xabc, priority: 5, dropEligible: true, protocol: 0x88a8 },
];

test("every field of an Ethernet header and of a VLAN tag", inMachine, async () => {
  await using editor = new FrameEditor();
  const frame = frameFor(editor.bridge);
  for (const [name, , , values] of ETHERNET_FIELDS) {
    for (const value of values) {
      await editor.pass(frame, {
        name: `ethernet.${name} = ${value}`,
        act: (packet) => {
          const { ethernet } = packet;
          assert.equal(packet.modified, false);
          assert.ok(ethernet !== undefined && Reflect.set(ethernet, name, value));
          assert.equal(packet.modified, true);
        },
        expect: (bytes) => {
          assert.ok(Reflect.set(parseEthernet(bytes).ethernet!, name, value));
          return bytes;
        },
      });
    }
  }
  // A tag is changed, and put on.
  for (const own of [{ id: 5, priority: 3 }, undefined]) {
    for (const tag of TAGS) {
      await editor.pass(frameFor(editor.bridge, own), {
        name: `vlan = ${JSON.stringify(tag)}, with ${JSON.stringify(own)}`,
        act: (packet) => packet.vlan = tag,
        expect: () => {
          const { id = own?.id ?? 0, priority = own?.priority ?? 0 } = tag;
          const { dropEligible = false, protocol = 0x8100 } = tag;
          const fields = { id, priority, dropEligible, protocol };
          return frameFor(editor.bridge, fields);
        },
      });
    }
  }
});

test("a destination that is assigned decides who gets the packet", inMachine, async () => {
  using bridge = new Bridge();
  const { left, right } = bridge;
  const third = bridge.addHost("10.8.0.3");
  const wrong = "02:00:00:00:00:99";
  left.run(["ip", "neigh", "add", right.address, "lladdr", wrong, "dev", left.device]);
  let destination = wrong;
  const reached = async (wait: number) =>
    (await ping(right.address, { prefix: left.prefix, wait })).received === 1;
  for (const copyRange of [65531, 0]) {
    using queue = PacketQueue.open(nextQueue(), { copyRange });
    using _rule = new NftRule(
      { family: "bridge", hook: "forward" },
      `ether type ip queue num ${queue.number}`,
    );
    await using _filter = new Filter(queue, (packet) => {
      const { ethernet, ipv4 } = packet;
      if (ethernet?.destination === wrong) ethernet.destination = destination;
      // Together with bytes of the packet itself, where there are any, and a mark.
      if (ipv4) ipv4.ttl = 77;
      packet.accept({ mark: 3 });
    });
    if (destination === wrong) assert.equal(await reached(1), false);
    destination = right.hardwareAddress;
    assert.ok(await reached(5));
    assert.equal(queue.statistics.verdictErrors, 0);
  }

  // Before the bridge looks, it also decides by which port.
  using queue = PacketQueue.open(nextQueue());
  using _rule = new NftRule(
    { family: "bridge", hook: "prerouting" },
    `iifname ${left.port} ether type ip queue num ${queue.number}`,
  );
  await using _filter = new Filter(queue, (packet) => {
    packet.ethernet!.destination = third.hardwareAddress;
    packet.accept();
  });
  using atLeft = left.frames();
  using atRight = right.frames();
  using atThird = third.frames();
  const hello = ({ hardwareAddress: source }: BridgeHost) =>
    buildPacket({ ethernet: { destination: left.hardwareAddress, source, etherType: 0x88b5 } });
  // So that the bridge knows where they are.
  for (const [host, socket] of [[right, atRight], [third, atThird]] as const) {
    socket.send(hello(host));
    const isFrom = (seen: Uint8Array) =>
      parseEthernet(seen).ethernet?.source === host.hardwareAddress;
    await atLeft.find(isFrom, `a frame of ${host.hardwareAddress}`);
  }
  const frame = frameFor(bridge);
  atLeft.send(frame);
  const isOurs = (seen: Uint8Array) => parseEthernet(seen).layers?.udp?.destinationPort === 2;
  const seen = await atThird.find(isOurs, "the frame at the third host");
  assert.equal(parseEthernet(seen).ethernet?.destination, third.hardwareAddress);
  assert.deepEqual(seen.subarray(6), frame.subarray(6));
  assert.equal(atRight.packets.some(isOurs), false);
});
