// Packets that stay undecided too long get the deadline's verdict, whoever holds them.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Packet,
  PacketReleasedError,
  type UndecidedEvent,
  Verdict,
  VerdictError,
} from "../../../mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { deferred, until } from "../../support/runtime/waiting.ts";

requireIsolation();

for (const verdict of [Verdict.Accept, Verdict.Drop]) {
  test(`an async handler that takes too long: verdict ${verdict}`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp({ queue: { deadline: { milliseconds: 40, verdict } } });
    const { queue, receiver, sender } = scene;
    const events: UndecidedEvent[] = [];
    queue.addEventListener("undecided", (event) => events.push(event));
    const gate = deferred<void>();
    scene.run(async (packet) => {
      if (udpText(packet.payload) !== "quick") await gate.promise;
      // For the slow ones this comes too late, and must not hurt.
      return Verdict.Accept;
    });
    await sender.sendAll(["slow 1", "quick", "slow 2"], receiver);
    await until(() => events.length === 2, { what: "two deadlines have passed" });
    assert.deepEqual(events.map((event) => event.cause), ["deadline", "deadline"]);
    assert.deepEqual(events.map((event) => event.verdict), [verdict, verdict]);
    const expected = verdict === Verdict.Accept ? ["quick", "slow 1", "slow 2"] : ["quick"];
    assert.deepEqual((await receiver.take(expected.length)).sort(), expected);
    assert.equal(queue.statistics.expired, 2);
    gate.resolve();
    await sender.send("quick", receiver);
    assert.deepEqual(await receiver.take(1), ["quick"]);
    assert.equal(queue.statistics.outstanding, 0);
  });
}

test("a held packet expires; its holder learns of it", { timeout: 20_000 }, async () => {
  const deadline = { milliseconds: 30, verdict: Verdict.Accept };
  await using scene = await Scene.udp({ queue: { deadline } });
  const { queue, receiver, sender } = scene;
  const held: Packet[] = [];
  scene.run((packet) => {
    packet.hold();
    held.push(packet);
  });
  await sender.send("held", receiver);
  assert.deepEqual(await receiver.take(1), ["held"]);
  const [packet] = held;
  assert.ok(packet);
  assert.equal(packet.verdict, Verdict.Accept);
  assert.throws(() => packet.drop(), (error: unknown) => {
    assert.ok(error instanceof VerdictError);
    assert.match(error.message, /deadline/);
    return true;
  });
  assert.equal(queue.statistics.expired, 1);
});

test("the deadline holds in for await and between runs", { timeout: 20_000 }, async () => {
  const deadline = { milliseconds: 30, verdict: Verdict.Accept };
  await using scene = await Scene.udp({ queue: { deadline } });
  const { queue, receiver, sender } = scene;
  await sender.send("in the loop", receiver);
  const held: Packet[] = [];
  for await (const packet of queue) {
    held.push(packet);
    packet.hold();
    if (held.length === 2) break;
    assert.deepEqual(await receiver.take(1), ["in the loop"]);
    await sender.send("after the loop", receiver);
  }
  assert.deepEqual(await receiver.take(1), ["after the loop"]);
  assert.equal(queue.statistics.expired, 2);
});

test("the deadline holds in runSync while it waits", { timeout: 20_000 }, async () => {
  const deadline = { milliseconds: 30, verdict: Verdict.Accept };
  await using scene = await Scene.udp({ queue: { deadline } });
  const { queue, receiver, sender } = scene;
  await sender.send("held", receiver);
  const held: Packet[] = [];
  queue.runSync((packet) => {
    packet.hold();
    held.push(packet);
  }, { timeout: 200 });
  assert.equal(held[0]?.verdict, Verdict.Accept);
  assert.equal(queue.statistics.expired, 1);
  assert.deepEqual(await receiver.take(1), ["held"]);
});

test("packets decided in time are left alone", { timeout: 20_000 }, async () => {
  const deadline = { milliseconds: 2000, verdict: Verdict.Drop };
  await using scene = await Scene.udp({ queue: { deadline } });
  const { queue, receiver, sender } = scene;
  scene.run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return Verdict.Accept;
  });
  for (let count = 0; count < 50; count++) await sender.send(`${count}`, receiver);
  assert.equal((await receiver.take(50)).length, 50);
  assert.equal(queue.statistics.expired, 0);
});

test("the deadline frees a queue whose handlers all hang", { timeout: 20_000 }, async () => {
  const deadline = { milliseconds: 20, verdict: Verdict.Accept };
  await using scene = await Scene.udp({ queue: { deadline, concurrency: 2 } });
  const { queue, receiver, sender } = scene;
  scene.run(() => new Promise<Verdict>(() => {}));
  const texts = Array.from({ length: 9 }, (_, index) => `${index}`);
  await sender.sendAll(texts, receiver);
  assert.deepEqual((await receiver.take(9)).sort(), texts);
  assert.equal(queue.statistics.expired, 9);
});

/** What a handler that comes too late may do with its packet, and what it then meets. */
const lateUses: Readonly<Record<string, readonly [(packet: Packet) => unknown, unknown]>> = {
  "reads its payload": [(packet) => packet.payload, PacketReleasedError],
  "reads its header": [(packet) => packet.udp?.destinationPort, PacketReleasedError],
  "accepts it": [(packet) => packet.accept(), VerdictError],
  "replaces it": [(packet) => packet.replacePayload(new Uint8Array(28)), VerdictError],
};

for (const [name, [use, expected]] of Object.entries(lateUses)) {
  test(`an async handler ${name} after the deadline: run goes on`, {
    timeout: 20_000,
  }, async () => {
    const deadline = { milliseconds: 30, verdict: Verdict.Accept };
    await using scene = await Scene.udp({ queue: { deadline } });
    const { queue, receiver, sender } = scene;
    const gate = deferred<void>();
    let met: unknown;
    scene.run(async (packet) => {
      if (udpText(packet.payload) === "quick") return Verdict.Accept;
      await gate.promise;
      try {
        use(packet);
      } catch (error) {
        met = error;
        throw error;
      }
      return Verdict.Drop;
    });
    await sender.send("slow", receiver);
    assert.deepEqual(await receiver.take(1), ["slow"]);
    gate.resolve();
    await until(() => met !== undefined, { what: "the handler has used its packet" });
    assert.ok(met instanceof (expected as typeof Error), String(met));
    await sender.send("quick", receiver);
    assert.deepEqual(await receiver.take(1), ["quick"]);
    assert.equal(queue.statistics.handlerErrors, 0);
  });
}

test("an error of another kind ends run after the deadline too", { timeout: 20_000 }, async () => {
  const deadline = { milliseconds: 30, verdict: Verdict.Accept };
  await using scene = await Scene.udp({ queue: { deadline } });
  const { queue, receiver, sender } = scene;
  const gate = deferred<void>();
  await using filter = new Filter(queue, async () => {
    await gate.promise;
    throw new Error("on purpose");
  });
  await sender.send("slow", receiver);
  assert.deepEqual(await receiver.take(1), ["slow"]);
  gate.resolve();
  await assert.rejects(filter.done, /on purpose/);
});

function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`);

for (const way of ["run", "runSync"]) {
  test(`the deadline holds for packets that wait for a slow handler: ${way}`, {
    timeout: 20_000,
  }, async () => {
    const deadline = { milliseconds: 50, verdict: Verdict.Drop };
    await using scene = await Scene.udp({ queue: { deadline } });
    const { queue, receiver, sender } = scene;
    await sender.sendAll(numbered(40), receiver);
    let handled = 0;
    const handler = (): Verdict => {
      handled++;
      busy(20);
      return Verdict.Accept;
    };
    if (way === "runSync") queue.runSync(handler, { timeout: 300 });
    else {
      await using _filter = new Filter(queue, handler);
      await until(() => queue.statistics.received === 40 && queue.statistics.outstanding === 0, {
        what: "all are decided",
      });
    }
    const { expired, accepted, outstanding } = queue.statistics;
    // In time are two or three; the 800 ms that all would take are far off.
    assert.ok(handled < 20, `${handled} of 40 were handled`);
    assert.deepEqual([accepted, expired, outstanding], [handled, 40 - handled, 0]);
    assert.deepEqual(await receiver.take(handled), numbered(handled));
  });
}

test("the timeout of runSync holds with a slow handler", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.sendAll(numbered(40), receiver);
  const result = queue.runSync(() => {
    busy(20);
    return Verdict.Accept;
  }, { timeout: 50 });
  assert.equal(result.reason, "timeout");
  assert.ok(result.packets > 0 && result.packets < 20, `${result.packets} of 40 were handled`);
  queue.runSync(() => Verdict.Accept, { maxPackets: 40 - result.packets });
  assert.deepEqual(await receiver.take(40), numbered(40));
});
