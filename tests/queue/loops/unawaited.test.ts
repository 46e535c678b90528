// A queue that its scope closes while nobody waits for run(): said, and only then.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";

requireIsolation();

const limit = { timeout: 20_000 } as const;
const accept = () => Verdict.Accept;

/** What the console is warned of while an action goes on, and a turn longer. */
async function warnings(action: (number: number) => unknown): Promise<string[]> {
  const heard: string[] = [];
  const { warn } = console;
  console.warn = (...words: unknown[]) => void heard.push(words.join(" "));
  try {
    await action(nextQueue());
    await turn();
  } finally {
    console.warn = warn;
  }
  return heard;
}

const forgotten: Readonly<Record<string, (number: number) => unknown>> = {
  "using": (number) => {
    using queue = PacketQueue.open(number);
    void queue.run(accept);
  },
  "await using": async (number) => {
    await using queue = PacketQueue.open(number);
    void queue.run(accept);
  },
  "return instead of return await": (number) => {
    using queue = PacketQueue.open(number);
    return queue.run(accept);
  },
};
for (const [name, action] of Object.entries(forgotten)) {
  test(`run() without await: ${name}`, limit, async () => {
    const heard = await warnings(action);
    assert.equal(heard.length, 1, heard.join("\n"));
    assert.match(heard[0] ?? "", /queue \d+ was closed.*`await queue\.run\(…\)`/);
  });
}

const meant: Readonly<Record<string, (number: number) => unknown>> = {
  "an awaited run, aborted at once": async (number) => {
    using queue = PacketQueue.open(number);
    await queue.run(accept, { signal: AbortSignal.abort() });
  },
  "an awaited run, aborted in its turn": async (number) => {
    using queue = PacketQueue.open(number);
    const controller = new AbortController();
    const running = queue.run(accept, { signal: controller.signal });
    controller.abort();
    await running;
  },
  "an awaited run, closed from elsewhere": async (number) => {
    using queue = PacketQueue.open(number);
    setTimeout(() => queue.close(), 20);
    await queue.run(accept);
  },
  "a run that is left in a later turn": async (number) => {
    using queue = PacketQueue.open(number);
    const running = queue.run(accept);
    await turn();
    queue.close();
    await running;
  },
  "a run beside other work": async (number) => {
    using queue = PacketQueue.open(number);
    void queue.run(accept);
    await turn();
  },
  "closed by hand in the same turn": async (number) => {
    const queue = PacketQueue.open(number);
    const running = queue.run(accept);
    queue.close();
    await running;
  },
  "a run that is refused": async (number) => {
    using queue = PacketQueue.open(number);
    await assert.rejects(queue.run(accept, { wrong: true } as object), TypeError);
  },
  "a refused run that nobody waits for": (number) => {
    using queue = PacketQueue.open(number);
    queue.run(accept, { wrong: true } as object).catch(() => {});
  },
  "runSync": (number) => {
    using queue = PacketQueue.open(number);
    queue.runSync(accept, { timeout: 0 });
  },
  "no reader": (number) => {
    using _queue = PacketQueue.open(number);
  },
};
for (const [name, action] of Object.entries(meant)) {
  test(`no warning: ${name}`, limit, async () => {
    assert.deepEqual(await warnings(action), []);
  });
}

test("a Packet that a program makes by itself: where they come from", limit, () => {
  const Made = Packet as unknown as new () => unknown;
  assert.throws(() => new Made(), { name: "TypeError", message: /packets come from a queue/ });
});
