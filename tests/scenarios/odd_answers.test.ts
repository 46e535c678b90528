// Handlers, options and signals of all sorts: what a program hands over may be anything, may answer
// otherwise when it is asked again, and may throw when it is looked at. The queue goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, type PacketQueueOptions, type SyncHandler, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 20_000 } as const;
const fail = (): never => {
  throw new Error("it was looked at");
};

for (
  const [name, answer] of Object.entries({
    "a then that is no function": () => ({ then: 5 }),
    "a then that throws when it is read": () => Object.defineProperty({}, "then", { get: fail }),
    "a then that throws when it is called": () => ({ then: fail }),
    "a promise that rejects": () => Promise.reject(new Error("too late")),
  })
) {
  test(`runSync refuses ${name}, and its packet is decided`, limit, async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue(), { onError: Verdict.Accept, warn: false });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    await sender.send("word", receiver);
    const handler = answer as unknown as SyncHandler;
    const expected = { name: "TypeError", message: /^runSync\(\) needs a handler that decides/ };
    assert.throws(() => queue.runSync(handler, { maxPackets: 1 }), expected);
    assert.equal(queue.statistics.outstanding, 0);
    assert.deepEqual(await receiver.take(1), ["word"]);
  });
}

const thrown: Readonly<Record<string, () => unknown>> = {
  "an error whose message is a symbol": () =>
    Object.defineProperty(new Error(), "message", { value: Symbol("message") }),
  "an error whose message throws": () =>
    Object.defineProperty(new Error(), "message", { get: fail }),
  "a proxy that throws": () => new Proxy({}, { get: fail, getPrototypeOf: fail }),
};

for (const [name, make] of Object.entries(thrown)) {
  for (const way of ["run", "run with an async handler", "runSync"] as const) {
    test(`${way}: a handler throws ${name}, and the filter goes on`, limit, async () => {
      using receiver = await UdpSocket.open();
      using sender = await UdpSocket.open();
      const options = { onHandlerError: Verdict.Accept, warn: false };
      using queue = PacketQueue.open(nextQueue(), options);
      using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
      const messages: string[] = [];
      queue.addEventListener("undecided", ({ message }) => messages.push(message));
      await sender.sendAll(["first", "last"], receiver);
      let count = 0;
      const handler = (): Verdict => {
        if (++count === 1) throw make();
        setTimeout(() => queue.close());
        return Verdict.Accept;
      };
      if (way === "runSync") queue.runSync(handler, { maxPackets: 2 });
      // deno-lint-ignore require-await -- it is to reject
      else await queue.run(way === "run" ? handler : async () => handler());
      assert.deepEqual(await receiver.take(2), ["first", "last"]);
      assert.deepEqual(messages, [
        "packet 1 got the verdict Accept from the queue: its handler failed",
      ]);
    });
  }
}

test("what only says that it is a signal is refused, and others can read", limit, async () => {
  using queue = PacketQueue.open(nextQueue());
  for (const none of [Object.create(AbortSignal.prototype), {}, null]) {
    const expected = { name: "TypeError", message: /^signal must be an AbortSignal, got / };
    await assert.rejects(queue.run(() => Verdict.Accept, { signal: none }), expected);
    assert.equal(queue.runSync(() => Verdict.Accept, { timeout: 0 }).packets, 0);
  }
});

/** A getter that answers so the first time, and otherwise later. */
function changing<Value>(first: Value, later: () => Value): PropertyDescriptor & ThisType<unknown> {
  let count = 0;
  return { enumerable: true, get: () => ++count === 1 ? first : later() };
}

test("a deadline is what it was when it was checked", limit, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const deadline = Object.defineProperties({}, {
    milliseconds: changing<unknown>(20, () => "soon"),
    verdict: changing<unknown>(Verdict.Accept, () => Symbol("verdict")),
  }) as NonNullable<PacketQueueOptions["deadline"]>;
  using queue = PacketQueue.open(nextQueue(), { deadline, warn: false });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.send("word", receiver);
  queue.runSync((packet) => packet.hold(), { maxPackets: 1 });
  assert.deepEqual(await receiver.take(1), ["word"]);
  assert.equal(queue.statistics.expired, 1);
});

test("flags are read once: no getter closes the queue where they are being set", limit, () => {
  using queue = PacketQueue.open(nextQueue());
  const flags = Object.defineProperties({}, {
    gso: changing(false, () => {
      queue.close();
      return false;
    }),
  });
  queue.setFlags(flags);
  assert.equal(queue.closed, false);
});
