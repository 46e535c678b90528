// The recipes of several queues and of bridges, in the kit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Verdict } from "../../mod.ts";
import { ENDS, Lines, recipeInKit as inKit, tcp, udp } from "../support/filter/recipes.ts";

const limit = { timeout: 10_000 };
const { Accept, Drop } = Verdict;

test("two_queues", limit, async () => {
  using lines = new Lines();
  const kit = await inKit("spread/two_queues");
  const queues: unknown[] = [];
  for (const packet of [udp(53), udp(5000), udp(53), udp(123), udp(53)]) {
    const { verdict, queue } = await kit.send(packet);
    assert.equal(verdict, Accept);
    queues.push(queue);
  }
  assert.deepEqual(queues, [20, 21, 20, 21, 20]);
  assert.equal((await kit.send(tcp(53))).queued, false);
  await kit.stop();
  assert.deepEqual(lines.all, ["queue 20: 3 packets", "queue 21: 2 packets"]);
});

test("pass_on", limit, async () => {
  // The other program's queue is another one of the same kernel.
  await using kit = await inKit("spread/pass_on");
  assert.equal((await kit.send(tcp(23))).verdict, Drop);
  const alone = await kit.send(tcp(80));
  assert.deepEqual([alone.verdict, alone.queue], [Accept, 0]);
  const seen: unknown[] = [];
  const other = kit.kernel.open(0).run((packet) => {
    seen.push(packet.tcp?.destinationPort ?? packet.udp?.destinationPort);
    return Drop;
  });
  for (const packet of [tcp(80), tcp(23), udp(53)]) {
    const { verdict, queue } = await kit.send(packet);
    const dropsHere = packet[23] === 23; // low byte of the destination port
    assert.deepEqual([verdict, queue], [Drop, dropsHere ? 10 : 0]);
  }
  assert.deepEqual(seen, [80, 53]);
  assert.equal((await kit.send(tcp(23), { hook: "input" })).queued, false);
  await kit.stop();
  kit.kernel.close();
  await other;
});

test("known_hosts, with the stand-in for a bridge", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("bridge/known_hosts");
  const from = (source: string, rest: object = { ipv4: ENDS, udp: { destinationPort: 53 } }) =>
    kit.send({ ethernet: { source, destination: "02:00:00:00:00:02" }, ...rest }, {
      ...{ family: "bridge", hook: "forward", physicalInDevice: "port1" },
    });
  assert.equal((await from("02:00:00:00:00:01")).verdict, Accept);
  assert.equal((await from("02:00:00:00:00:01", { arp: {} })).verdict, Accept);
  assert.equal((await from("02:00:00:00:00:09")).verdict, Drop);
  assert.equal((await from("02:00:00:00:00:09", { arp: {} })).verdict, Drop);
  assert.equal(lines.all.length, 2);
  assert.match(lines.all[0]!, /^drop {2}02:00:00:00:00:09 at port1: /);
  assert.equal((await kit.send(udp(53))).queued, false, "what is routed is left alone");
});

test("change_vlan, with the stand-in for a bridge", limit, async () => {
  await using kit = await inKit("bridge/change_vlan");
  const through = async (vlan: object | undefined, dscp = 0) => {
    const { verdict, changes } = await kit.send({
      ethernet: {},
      ...(vlan && { vlan }),
      ...{ ipv4: { ...ENDS, dscp }, udp: { destinationPort: 53 } },
    }, { family: "bridge", hook: "forward" });
    assert.equal(verdict, Accept);
    return changes.vlan;
  };
  assert.deepEqual(await through({ id: 5, priority: 3 }), { protocol: 0x8100, tci: 0x6007 });
  assert.deepEqual(await through({ id: 7 }), { protocol: 0x8100, tci: 5 });
  assert.deepEqual(await through({ id: 7, priority: 1 }, 46), { protocol: 0x8100, tci: 0xa005 });
  assert.equal(await through({ id: 6 }), undefined);
  assert.equal(await through(undefined), undefined);
});
