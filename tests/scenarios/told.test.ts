// What goes wrong is told: events with sentences, one warning a kind where nobody listens, and a policy
// for handlers that fail.

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import {
  type ExhaustedEvent,
  type Packet,
  PacketQueue,
  type PacketQueueOptions,
  type UndecidedEvent,
  Verdict,
} from "../../mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until, within } from "../support/runtime/waiting.ts";

requireIsolation();

interface Scene extends AsyncDisposable {
  readonly queue: PacketQueue;
  readonly receiver: UdpSocket;
  readonly send: (...texts: string[]) => Promise<void>;
}

async function scene(options: PacketQueueOptions = {}): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const sender = stack.use(await UdpSocket.open());
  const queue = stack.use(PacketQueue.open(nextQueue(), options));
  stack.use(queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) }));
  return {
    ...{ queue, receiver, send: (...texts: string[]) => sender.sendAll(texts, receiver) },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const textOf = ({ udp }: Packet): string => new TextDecoder().decode(udp?.payload);
const junk = new Error("junk");

/** Fails at what is not fit to be read. */
function parse(packet: Packet): Verdict {
  if (textOf(packet).startsWith("junk")) throw junk;
  return Verdict.Accept;
}

const policies: Readonly<Record<string, NonNullable<PacketQueueOptions["onHandlerError"]>>> = {
  "a verdict": Verdict.Accept,
  "a function": (error, packet) => {
    assert.equal(error, junk);
    return textOf(packet) === "junk, let it go" ? Verdict.Accept : Verdict.Drop;
  },
};
const texts = ["one", "junk, let it go", "two", "junk", "three"];

for (const [name, onHandlerError] of Object.entries(policies)) {
  const passed = name === "a verdict" ? texts : texts.slice(0, 3).concat("three");
  const check = ({ queue }: Scene, undecided: readonly UndecidedEvent[]): void => {
    assert.equal(queue.statistics.handlerErrors, 2);
    assert.deepEqual(undecided.map(({ cause, error }) => [cause, error]), [
      ["error", junk],
      ["error", junk],
    ]);
    assert.ok(undecided.every(({ message }) => message.includes("junk")));
  };

  for (const async of [false, true]) {
    test(`a handler that fails in run gets ${name}, promises: ${async}`, {
      timeout: 20_000,
    }, async () => {
      await using stage = await scene({ onHandlerError });
      const undecided: UndecidedEvent[] = [];
      stage.queue.addEventListener("undecided", (event) => undecided.push(event));
      await using _filter = new Filter(stage.queue, async ? async (p) => await parse(p) : parse);
      await stage.send(...texts);
      const got = await stage.receiver.take(passed.length);
      // Promises are settled in an order of their own.
      if (async) assert.deepEqual(got.sort(), passed.toSorted());
      else assert.deepEqual(got, passed);
      check(stage, undecided);
    });
  }

  test(`a handler that fails in runSync gets ${name}`, { timeout: 20_000 }, async () => {
    await using stage = await scene({ onHandlerError });
    const undecided: UndecidedEvent[] = [];
    stage.queue.addEventListener("undecided", (event) => undecided.push(event));
    await stage.send(...texts);
    stage.queue.runSync(parse, { maxPackets: texts.length, timeout: 5000 });
    assert.deepEqual(await stage.receiver.take(passed.length), passed);
    check(stage, undecided);
  });
}

const ends: Readonly<Record<string, NonNullable<PacketQueueOptions["onHandlerError"]>>> = {
  '"throw"': "throw",
  "a function that throws": () => {
    throw new Error("of the function");
  },
  "a function that gives no verdict": (() => "yes") as unknown as () => Verdict,
  "a function that gives a promise": (() => Promise.resolve(Verdict.Accept)) as unknown as () =>
    Verdict,
};
for (const [name, onHandlerError] of Object.entries(ends)) {
  test(`the loop ends with the handler's error: ${name}`, { timeout: 20_000 }, async () => {
    await using stage = await scene({ onHandlerError, onError: Verdict.Accept });
    await stage.send("junk 1", "junk 2");
    await assert.rejects(stage.queue.run(parse), junk);
    assert.throws(() => stage.queue.runSync(parse, { timeout: 5000 }), junk);
    assert.deepEqual(await stage.receiver.take(2), ["junk 1", "junk 2"]);
    assert.equal(stage.queue.statistics.handlerErrors, 2);
  });
}

test("a policy that is none is refused", () => {
  for (const wrong of ["drop", 3, null, {}]) {
    assert.throws(
      () => PacketQueue.open(0, { onHandlerError: wrong } as unknown as PacketQueueOptions),
      { name: "TypeError", message: /onHandlerError/ },
    );
  }
  assert.throws(
    () => PacketQueue.open(0, { warn: 1 } as unknown as PacketQueueOptions),
    { name: "TypeError", message: /warn/ },
  );
});

for (const way of ["run", "for await"]) {
  test(`a reader that stands still for two seconds says so: ${way}`, {
    timeout: 30_000,
  }, async () => {
    await using stage = await scene({ concurrency: 2 });
    const { queue } = stage;
    const events: ExhaustedEvent[] = [];
    queue.addEventListener("exhausted", (event) => events.push(event));
    const held: Packet[] = [];
    const take = (packet: Packet): void => {
      packet.hold();
      held.push(packet);
    };
    const reading = way === "run" ? queue.run(take) : (async () => {
      for await (const packet of queue) take(packet);
    })();
    await stage.send("1", "2", "3");
    await until(() => events.length > 0, { what: "it says so" });
    assert.equal(held.length, 2);
    assert.deepEqual([events[0]!.held, events[0]!.milliseconds], [2, 2000]);
    assert.match(events[0]!.message, /concurrency/);
    // Once each time, and it goes on when there is room.
    for (const packet of held.splice(0)) packet.accept();
    await until(() => held.length === 1, { what: "the next packet is handed out" });
    queue.close();
    await within(reading, { what: "the reader to end" });
    assert.equal(events.length, 1);
  });
}

test("a short standstill is nothing to tell", { timeout: 30_000 }, async () => {
  await using stage = await scene({ concurrency: 1 });
  const events: ExhaustedEvent[] = [];
  stage.queue.addEventListener("exhausted", (event) => events.push(event));
  await using _filter = new Filter(stage.queue, () => delay(700, Verdict.Accept as Verdict));
  await stage.send("1", "2", "3", "4");
  await stage.receiver.take(4);
  assert.deepEqual(events, []);
});

/** What is written to the console as warnings meanwhile. */
async function warnings(run: () => Promise<void>): Promise<string[]> {
  const said: string[] = [];
  const { warn } = console;
  console.warn = (...words: unknown[]) => said.push(words.join(" "));
  try {
    await run();
  } finally {
    console.warn = warn;
  }
  return said;
}

const forgets = async (
  options: PacketQueueOptions,
  prepare: (queue: PacketQueue) => void = () => {},
): Promise<string[]> =>
  await warnings(async () => {
    await using stage = await scene(options);
    prepare(stage.queue);
    await stage.send("1", "2");
    stage.queue.runSync((packet) => void packet.length, { maxPackets: 2, timeout: 5000 });
  });

test("a forgotten verdict is one warning, with what to do", { timeout: 20_000 }, async () => {
  const said = await forgets({});
  assert.equal(said.length, 1, said.join("\n"));
  assert.match(said[0]!, /without one: return a verdict/);
});

test("nothing is said to who listens, or asked not to be told", { timeout: 20_000 }, async () => {
  assert.deepEqual(await forgets({ warn: false }), []);
  assert.deepEqual(await forgets({}, (queue) => queue.addEventListener("undecided", () => {})), []);
  const listener = () => {};
  const said = await forgets({}, (queue) => {
    queue.addEventListener("undecided", listener);
    queue.removeEventListener("undecided", listener);
    queue.addEventListener("overrun", listener);
  });
  assert.equal(said.length, 1, "a listener that is gone hears nothing");
});

test("the end of the queue is no news", { timeout: 20_000 }, async () => {
  const said = await warnings(async () => {
    await using stage = await scene();
    await stage.send("1", "2");
    stage.queue.runSync((packet) => packet.hold(), { maxPackets: 2, timeout: 5000 });
  });
  assert.deepEqual(said, []);
});

test("a full queue is one warning", { timeout: 20_000 }, async () => {
  const said = await warnings(async () => {
    await using stage = await scene({ maxLength: 2 });
    await stage.send("1", "2", "3", "4");
    stage.queue.runSync(() => Verdict.Accept, { maxPackets: 2, timeout: 5000 });
  });
  assert.equal(said.length, 1, said.join("\n"));
  assert.match(said[0]!, /dropped 2 packets.*maxLength/);
});
