// Marks, whole and masked, as the rules behind the queue see them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Mark, type Packet, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { Rule, udpTo } from "../../support/network/rules.ts";

requireIsolation();

interface MarkCase {
  readonly name: string;
  readonly mark?: Mark;
  /** The mark on the packet when it reaches the queue. */
  readonly before?: number;
  /** The mark behind the queue. */
  readonly after: number;
}

const cases: readonly MarkCase[] = [
  { name: "a mark is set", mark: 0x10, after: 0x10 },
  { name: "the highest bit is a bit like any other", mark: 0x80000001, after: 0x80000001 },
  { name: "all bits", mark: 0xffffffff, after: 0xffffffff },
  { name: "host order, not network order", mark: 0x01020304, after: 0x01020304 },
  { name: "an existing mark is replaced", before: 0xff00ff, mark: 0x5, after: 0x5 },
  { name: "an existing mark is set to zero", before: 0xff00ff, mark: 0, after: 0 },
  { name: "an existing mark stays when none is given", before: 0xabcdef01, after: 0xabcdef01 },
  {
    name: "a masked mark changes the masked bits only",
    before: 0xaaaa5555,
    mark: { value: 0xffffffff, mask: 0x0000ff00 },
    after: 0xaaaaff55,
  },
  {
    name: "a masked mark clears bits",
    before: 0xffffffff,
    mark: { value: 0, mask: 0x80000000 },
    after: 0x7fffffff,
  },
  {
    name: "a masked mark on an unmarked packet",
    mark: { value: 0xffff, mask: 0x0f0 },
    after: 0xf0,
  },
  { name: "an empty mask changes nothing", before: 7, mark: { value: 0xff, mask: 0 }, after: 7 },
];

for (const { name, mark, before, after } of cases) {
  for (const family of [4, 6] as const) {
    test(`${name}, IPv${family}`, { timeout: 20_000 }, async () => {
      await using scene = await Scene.udp({ family });
      const { receiver, sender } = scene;
      const match = udpTo(receiver.port);
      // mangle's OUTPUT comes before filter's, POSTROUTING after both.
      using _before = before === undefined ? undefined : new Rule({
        ...{ family, table: "mangle", chain: "OUTPUT", match },
        jump: ["MARK", "--set-mark", String(before)],
      });
      using counter = new Rule({
        ...{ family, table: "mangle", chain: "POSTROUTING" },
        match: [...match, "-m", "mark", "--mark", String(after)],
      });
      const seen: (number | undefined)[] = [];
      scene.run((packet) => {
        seen.push(packet.mark);
        packet.accept(mark === undefined ? {} : { mark });
      });
      await sender.sendAll(["one", "two", "three"], receiver);
      await receiver.take(3);
      assert.equal(counter.packets, 3);
      assert.deepEqual(new Set(seen), new Set([before ?? 0]));
    });
  }
}

test("every packet of a burst gets its own mark, whatever its neighbours get", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const match = udpTo(receiver.port);
  const count = (mark: number): Rule =>
    new Rule({
      ...{ table: "mangle", chain: "POSTROUTING" },
      match: [...match, "-m", "mark", "--mark", String(mark)],
    });
  using ones = count(1);
  using twos = count(2);
  using none = count(0);
  // Runs of equal verdicts and single ones, so that batches begin and end at every kind of border.
  const plan = "1111222000DDD1D2D0D11DD0011221100DD120DDDDDDDD1111111110";
  const handler = (packet: Packet): void => {
    switch (udpText(packet.payload)) {
      case "0":
        return packet.accept();
      case "D":
        return packet.drop();
      default:
        return packet.accept({ mark: Number(udpText(packet.payload)) });
    }
  };
  await sender.sendAll(plan, receiver);
  assert.equal(queue.runSync(handler, { maxPackets: plan.length }).packets, plan.length);
  const kept = plan.replaceAll("D", "");
  assert.equal((await receiver.take(kept.length)).join(""), kept);
  assert.equal(ones.packets, kept.replaceAll(/[^1]/g, "").length);
  assert.equal(twos.packets, kept.replaceAll(/[^2]/g, "").length);
  assert.equal(none.packets, kept.replaceAll(/[^0]/g, "").length);
  assert.equal(queue.statistics.dropped, plan.length - kept.length);
});

test("stop takes a mark too", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const match = udpTo(receiver.port);
  using counter = new Rule({
    ...{ table: "mangle", chain: "POSTROUTING" },
    match: [...match, "-m", "mark", "--mark", "0x99"],
  });
  scene.run((packet) => packet.stop({ mark: 0x99 }));
  await sender.send("stop", receiver);
  await receiver.take(1);
  assert.equal(counter.packets, 1);
});

test("a bad mark throws and the packet can still be decided", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.send("still here", receiver);
  queue.runSync((packet) => {
    for (const mark of [-1, 2 ** 32, 1.5, NaN, Infinity]) {
      assert.throws(() => packet.accept({ mark }), RangeError);
      assert.throws(() => packet.repeat({ mark }), RangeError);
      assert.throws(() => packet.stop({ mark: { value: mark, mask: 1 } }), RangeError);
      assert.throws(() => packet.requeue(1, { mark: { value: 1, mask: mark } }), RangeError);
    }
    for (const mark of ["1", null, true, {}, { value: 1 }, { mask: 1 }, 1n]) {
      assert.throws(() => packet.accept({ mark: mark as unknown as Mark }), TypeError);
    }
    for (const number of [-1, 65536, 1.5, NaN]) {
      assert.throws(() => packet.requeue(number), RangeError);
    }
    for (const number of ["1", null, undefined]) {
      assert.throws(() => packet.requeue(number as unknown as number), TypeError);
    }
    assert.equal(packet.verdict, undefined);
    return Verdict.Accept;
  }, { maxPackets: 1 });
  assert.deepEqual(await receiver.take(1), ["still here"]);
});
