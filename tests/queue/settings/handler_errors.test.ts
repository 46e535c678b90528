// Handlers that throw, reject, or forget their packet.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  type PacketQueue,
  type SyncHandler,
  type UndecidedEvent,
  Verdict,
  VerdictError,
} from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { deferred, until, within } from "../../support/runtime/waiting.ts";

requireIsolation();

class Mistake extends Error {
  override readonly name = "Mistake";
}

/** The ways to fail, each with the packet that fails ("bad") between two that do not. */
const ways: Readonly<Record<string, (queue: PacketQueue) => Promise<unknown>>> = {
  "run with a sync handler": (queue) =>
    queue.run((packet) => {
      if (udpText(packet.payload) === "bad") throw new Mistake("on purpose");
      return Verdict.Accept;
    }),
  "run with an async handler": (queue) =>
    queue.run(async (packet) => {
      const isBad = udpText(packet.payload) === "bad";
      await Promise.resolve();
      if (isBad) throw new Mistake("on purpose");
      return Verdict.Accept;
    }),
  "run with a handler that rejects later": (queue) =>
    queue.run(async (packet) => {
      const isBad = udpText(packet.payload) === "bad";
      if (isBad) await new Promise((resolve) => setTimeout(resolve, 20));
      if (isBad) throw new Mistake("on purpose");
      return Verdict.Accept;
    }),
  // deno-lint-ignore require-await -- what is thrown synchronously must reach the caller too
  "runSync": async (queue) =>
    queue.runSync((packet) => {
      if (udpText(packet.payload) === "bad") throw new Mistake("on purpose");
      return Verdict.Accept;
    }),
  "for await": async (queue) => {
    for await (const packet of queue) {
      if (udpText(packet.payload) === "bad") throw new Mistake("on purpose");
      packet.accept();
    }
  },
};

for (const [way, run] of Object.entries(ways)) {
  for (const onError of [Verdict.Drop, Verdict.Accept]) {
    test(`${way}: an error reaches the caller, the packet gets onError ${onError}`, {
      timeout: 20_000,
    }, async () => {
      await using scene = await Scene.udp({ queue: { onError } });
      const { queue, receiver, sender } = scene;
      await sender.sendAll(["good", "bad", "later"], receiver);
      await assert.rejects(run(queue), Mistake);
      assert.equal(queue.closed, false, "the queue can be run again");
      scene.run(() => Verdict.Accept);
      const expected = onError === Verdict.Drop ? ["good", "later"] : ["bad", "good", "later"];
      assert.deepEqual((await receiver.take(expected.length)).sort(), expected);
      await sender.send("end", receiver);
      assert.deepEqual(await receiver.take(1), ["end"]);
      // `for await` cannot see why its loop was left: to it the packet was just left undecided.
      const { handlerErrors, undecided } = queue.statistics;
      assert.equal(way === "for await" ? undecided : handlerErrors, 1);
    });
  }
}

test("a handler that throws after its verdict: the verdict stands", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.send("accepted first", receiver);
  const run = queue.run((packet) => {
    packet.accept();
    throw new Mistake("after the verdict");
  });
  await assert.rejects(run, Mistake);
  assert.deepEqual(await receiver.take(1), ["accepted first"]);
});

test("whatever is thrown reaches the caller as it is", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  for (const thrown of [undefined, null, 0, "text"]) {
    await sender.send("x", receiver);
    let caught: unknown = "nothing was thrown";
    await queue.run(() => {
      throw thrown;
    }).catch((error: unknown) => caught = error);
    assert.equal(caught, thrown);
  }
});

test("several async handlers that fail at once: one error, every packet decided", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  for (let count = 0; count < 10; count++) await sender.send(`${count}`, receiver);
  const run = queue.run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    throw new Mistake("one of ten");
  });
  await assert.rejects(run, Mistake);
  assert.equal((await receiver.take(10)).length, 10);
});

for (const kind of ["sync", "async"]) {
  for (const onError of [undefined, Verdict.Accept]) {
    test(`a packet a ${kind} handler forgets gets onError ${onError ?? "by default"}`, {
      timeout: 20_000,
    }, async () => {
      await using scene = await Scene.udp({ queue: onError === undefined ? {} : { onError } });
      const { queue, receiver, sender } = scene;
      const events: UndecidedEvent[] = [];
      queue.addEventListener("undecided", (event) => events.push(event));
      const ids: number[] = [];
      const decide = (text: string): Verdict | undefined =>
        text === "forgotten" ? undefined : Verdict.Accept;
      scene.run((packet) => {
        const text = udpText(packet.payload);
        if (text === "forgotten") ids.push(packet.id);
        return kind === "sync" ? decide(text) : Promise.resolve(decide(text));
      });
      await sender.sendAll(["first", "forgotten", "last"], receiver);
      const expected = onError === undefined ? ["first", "last"] : ["first", "forgotten", "last"];
      assert.deepEqual((await receiver.take(expected.length)).sort(), expected);
      await until(() => events.length > 0, { what: "the forgotten packet is reported" });
      assert.equal(events.length, 1);
      assert.equal(events[0]?.packetId, ids[0]);
      assert.equal(events[0]?.verdict, onError ?? Verdict.Drop);
      assert.equal(events[0]?.cause, "handler");
      assert.equal(queue.statistics.undecided, 1);
    });
  }
}

test("for await: a turn that ends without a verdict is reported", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  const events: UndecidedEvent[] = [];
  queue.addEventListener("undecided", (event) => events.push(event));
  await sender.sendAll(["forgotten", "left by break"], receiver);
  for await (const packet of queue) {
    if (udpText(packet.payload) === "left by break") break;
  }
  assert.deepEqual(await receiver.take(2), ["forgotten", "left by break"]);
  assert.deepEqual(events.map(({ cause }) => cause), ["handler", "handler"]);
});

test("runSync: a forgotten packet is reported", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  const events: UndecidedEvent[] = [];
  queue.addEventListener("undecided", (event) => events.push(event));
  await sender.send("forgotten", receiver);
  queue.runSync(() => {}, { maxPackets: 1 });
  assert.deepEqual(await receiver.take(1), ["forgotten"]);
  assert.deepEqual(events.map(({ cause }) => cause), ["handler"]);
});

test("a returned value that is no verdict is an error", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  // 2 is NF_STOLEN, which the kernel refuses; 3 is NF_QUEUE without a queue.
  for (const wrong of [2, 3, 6, -1, 1.5, NaN, "accept", true, null, {}]) {
    await sender.send(String(wrong), receiver);
    await assert.rejects(queue.run(() => wrong as Verdict), VerdictError, String(wrong));
    assert.deepEqual(await receiver.take(1), [String(wrong)]);
    await sender.send(String(wrong), receiver);
    await assert.rejects(queue.run(() => Promise.resolve(wrong as Verdict)), VerdictError);
    assert.deepEqual(await receiver.take(1), [String(wrong)]);
  }
});

/** Hears of rejections that nobody took. */
class Unhandled implements Disposable {
  readonly errors: unknown[] = [];
  readonly #listen = (error: unknown): unknown => this.errors.push(error);

  constructor() {
    process.on("unhandledRejection", this.#listen);
  }

  /** Lets the runtime look through its promises. */
  async none(): Promise<void> {
    for (let count = 0; count < 5; count++) await turn();
    assert.deepEqual(this.errors, []);
  }

  [Symbol.dispose](): void {
    process.off("unhandledRejection", this.#listen);
  }
}

test("runSync refuses async handlers", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  using unhandled = new Unhandled();
  const events: UndecidedEvent[] = [];
  queue.addEventListener("undecided", (event) => events.push(event));
  const handlers: Readonly<Record<string, () => Promise<Verdict>>> = {
    fulfilled: () => Promise.resolve(Verdict.Drop),
    rejected: () => Promise.reject(new Mistake("at once")),
    "rejected later": async () => {
      await turn();
      throw new Mistake("later");
    },
    never: () => new Promise(() => {}),
  };
  for (const [name, handler] of Object.entries(handlers)) {
    await sender.send(name, receiver);
    const wrong = handler as unknown as SyncHandler;
    let thrown: unknown;
    assert.throws(() => queue.runSync(wrong, { maxPackets: 1 }), (error: unknown) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /run\(\)/);
      thrown = error;
      return true;
    });
    assert.deepEqual(await receiver.take(1), [name]);
    const event = events.at(-1);
    assert.equal(event?.cause, "error");
    assert.equal(event?.error, thrown);
    assert.equal(queue.statistics.outstanding, 0);
    await unhandled.none();
  }
  assert.equal(events.length, Object.keys(handlers).length);
});

test("the event carries what the handler threw", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  const events: UndecidedEvent[] = [];
  queue.addEventListener("undecided", (event) => events.push(event));
  for (const thrown of [new Mistake("on purpose"), "text", undefined]) {
    const throwIt = (): never => {
      throw thrown;
    };
    for (const way of ["runSync", "run", "async"]) {
      await sender.send("x", receiver);
      const act = async (): Promise<unknown> =>
        way === "runSync"
          ? queue.runSync(throwIt)
          : await queue.run(way === "run" ? throwIt : () => Promise.reject(thrown));
      const caught = await act().then(() => "nothing", (error: unknown) => ({ error }));
      assert.deepEqual(caught, { error: thrown });
      const event = events.pop();
      assert.equal(event?.cause, "error");
      assert.equal(event?.error, thrown, way);
    }
  }
  await sender.send("forgotten", receiver);
  queue.runSync(() => {}, { maxPackets: 1 });
  assert.equal(events.pop()?.error, undefined);
  assert.equal(events.length, 0);
});

test("rejections that run cannot pass on are reported each, after an abort too", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  using unhandled = new Unhandled();
  const events: UndecidedEvent[] = [];
  queue.addEventListener("undecided", (event) => events.push(event));
  const texts = ["one", "two", "three"];
  for (const aborts of [true, false]) {
    const gate = deferred<void>();
    const controller = new AbortController();
    let started = 0;
    const run = queue.run(async (packet) => {
      const text = udpText(packet.payload);
      started++;
      await gate.promise;
      throw new Mistake(text);
    }, { signal: controller.signal });
    await sender.sendAll(texts, receiver);
    await until(() => started === 3, { what: "all handlers have started" });
    if (aborts) {
      controller.abort();
      await within(run, { what: "run to end" });
      gate.resolve();
    } else {
      gate.resolve();
      await assert.rejects(run, { name: "Mistake", message: "one" });
    }
    assert.deepEqual(await receiver.take(3), texts);
    const errors = events.splice(0).map(({ cause, error }) => [cause, (error as Error).message]);
    assert.deepEqual(errors, texts.map((text) => ["error", text]));
    await unhandled.none();
  }
  assert.equal(queue.statistics.handlerErrors, 6);
});
