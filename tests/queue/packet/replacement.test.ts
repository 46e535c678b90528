// When a replaced payload is sent and when it is not: only a verdict of the program's own sends it,
// with the bytes as they are at that moment.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText, withUdpText } from "../../support/traffic/packets.ts";
import { queueRule, type Rule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { within } from "../../support/runtime/waiting.ts";

requireIsolation();

/** A replacement that the program has not finished: the checksum is wrong. */
function half(packet: Packet): void {
  const bytes = withUdpText(packet.payload, "half");
  packet.replacePayload(bytes);
  bytes[bytes.length - 1] = 0;
}

const never = (): Promise<Verdict> => new Promise(() => {});

/** How a queue decides for a program that has replaced a payload. */
const takers: Readonly<Record<string, (queue: PacketQueue) => Promise<void>>> = {
  "a deadline": async (queue) => {
    const run = queue.run((packet) => {
      half(packet);
      return never();
    });
    queue.addEventListener("undecided", () => setImmediate(() => queue.close()));
    await run;
  },
  // deno-lint-ignore require-await -- the same shape for all
  "close()": async (queue) => {
    queue.runSync((packet) => {
      half(packet);
      packet.hold();
    }, { maxPackets: 1 });
    queue.close();
  },
  "a handler that throws": async (queue) => {
    const run = queue.run((packet) => {
      half(packet);
      throw new Error("on purpose");
    });
    await assert.rejects(run, /on purpose/);
  },
  "a handler that rejects": async (queue) => {
    const run = queue.run((packet) => {
      half(packet);
      return Promise.reject(new Error("on purpose"));
    });
    await assert.rejects(run, /on purpose/);
  },
  // deno-lint-ignore require-await
  "a handler that forgets it": async (queue) => {
    queue.runSync(half, { maxPackets: 1 });
  },
  "a turn of for await that forgets it": async (queue) => {
    for await (const packet of queue) {
      half(packet);
      break;
    }
  },
};

for (const [taker, act] of Object.entries(takers)) {
  for (const gso of [true, false]) {
    test(`the packet goes on as it came after ${taker}, gso: ${gso}`, {
      timeout: 20_000,
    }, async () => {
      await using scene = await Scene.udp({
        queue: {
          ...{ gso, onError: Verdict.Accept },
          ...(taker === "a deadline" &&
            { deadline: { milliseconds: 30, verdict: Verdict.Accept } }),
        },
      });
      const { queue, receiver, sender } = scene;
      await sender.send("whole", receiver);
      await within(act(queue), { what: `${taker} to have its turn` });
      assert.deepEqual(await receiver.take(1), ["whole"]);
      assert.equal(queue.statistics.accepted, 1);
      assert.equal(queue.statistics.verdictErrors, 0);
    });
  }
}

/** The ways to give a verdict. */
const givers: Readonly<Record<string, (packet: Packet) => void | Verdict | Promise<Verdict>>> = {
  "accept()": (packet) => packet.accept(),
  "accept() with a mark": (packet) => packet.accept({ mark: 1 }),
  "stop()": (packet) => packet.stop(),
  "a returned verdict": () => Verdict.Accept,
  "a promised verdict": () => Promise.resolve(Verdict.Accept),
};

for (const gso of [true, false]) {
  test(`what is edited after replacePayload() and before the verdict is sent, gso: ${gso}`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp({ queue: { gso } });
    const { queue, receiver, sender } = scene;
    scene.run((packet) => {
      assert.equal(packet.checksumNotReady, gso);
      const way = udpText(packet.payload);
      const bytes = withUdpText(packet.payload, `${way} early`);
      packet.replacePayload(bytes);
      bytes.set(withUdpText(packet.payload, `${way} later`));
      return givers[way]?.(packet);
    });
    for (const way of Object.keys(givers)) {
      await sender.send(way, receiver);
      assert.deepEqual(await receiver.take(1), [`${way} later`]);
    }
    assert.equal(queue.statistics.verdictErrors, 0);
  });
}

/** What a program can do to the buffer behind its replacement, so that its length is wrong. */
const breakers: Readonly<Record<string, (buffer: ArrayBuffer) => void>> = {
  "grown beyond an attribute": (buffer) => buffer.resize(65_600),
  "grown beyond the buffer for verdicts": (buffer) => buffer.resize(300_000),
  "shrunk to nothing": (buffer) => buffer.resize(0),
  transferred: (buffer) => void buffer.transfer(),
};

/** Replaces the payload by one of equal length, whose buffer is then changed. */
function replaceAndBreak(packet: Packet, act: (buffer: ArrayBuffer) => void): void {
  const buffer = new ArrayBuffer(packet.payload.length, { maxByteLength: 1 << 20 });
  const bytes = new Uint8Array(buffer);
  bytes.set(packet.payload);
  packet.replacePayload(bytes);
  act(buffer);
}

interface Broken extends Disposable {
  readonly queue: PacketQueue;
  readonly rule: Rule;
  readonly receiver: UdpSocket;
  readonly sender: UdpSocket;
}

async function broken(gso: boolean): Promise<Broken> {
  const stack = new DisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const sender = stack.use(await UdpSocket.open());
  const queue = stack.use(PacketQueue.open(nextQueue(), { gso, onError: Verdict.Accept }));
  const match = udpTo(receiver.port);
  const rule = stack.use(queueRule(queue.number, { chain: "OUTPUT", match }));
  return { queue, rule, receiver, sender, [Symbol.dispose]: () => stack.dispose() };
}

for (const [name, act] of Object.entries(breakers)) {
  const refused = name === "transferred" ? TypeError : RangeError;
  for (const gso of [true, false]) {
    test(`a replacement whose buffer was ${name}: refused, gso: ${gso}`, {
      timeout: 20_000,
    }, async () => {
      using scene = await broken(gso);
      const { queue, receiver, sender } = scene;
      await sender.sendAll(["mended", "dropped", "last"], receiver);
      queue.runSync((packet) => {
        const text = udpText(packet.payload);
        if (text === "last") return Verdict.Accept;
        const original = packet.payload;
        replaceAndBreak(packet, act);
        for (let round = 0; round < 2; round++) {
          assert.throws(() => packet.accept(), refused);
          assert.throws(() => packet.accept({ mark: 1 }), refused);
          assert.equal(packet.verdict, undefined);
        }
        if (text === "dropped") return packet.drop();
        packet.replacePayload(withUdpText(original, "by a good one"));
        packet.accept();
      }, { maxPackets: 3 });
      assert.deepEqual(await receiver.take(2), ["by a good one", "last"]);
      const { accepted, dropped, outstanding, verdictErrors } = queue.statistics;
      assert.deepEqual([accepted, dropped, outstanding, verdictErrors], [2, 1, 0, 0]);
    });

    test(`as a returned verdict it is the handler's error, gso: ${gso}, ${name}`, {
      timeout: 20_000,
    }, async () => {
      using scene = await broken(gso);
      const { queue, receiver, sender } = scene;
      await sender.sendAll(["as it came", "last"], receiver);
      const run = queue.run((packet) => {
        replaceAndBreak(packet, act);
        return Verdict.Accept;
      });
      await assert.rejects(run, refused);
      assert.deepEqual(await receiver.take(1), ["as it came"]);
      queue.runSync(() => Verdict.Accept, { maxPackets: 1 });
      assert.deepEqual(await receiver.take(1), ["last"]);
      // The refusals, if there were any, would come with the next receive.
      queue.runSync(() => {}, { timeout: 0 });
      assert.equal(queue.statistics.verdictErrors, 0);
      assert.equal(queue.statistics.handlerErrors, 1);
    });
  }
}
