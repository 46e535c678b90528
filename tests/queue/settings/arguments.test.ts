// Wrong arguments: TypeError or RangeError that names the option, before any native call.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Packet,
  PacketQueue,
  type PacketQueueOptions,
  QueueClosedError,
  queueStatistics,
  type SyncHandler,
  Verdict,
} from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../../support/queue/numbers.ts";
import { Scene } from "../../support/queue/scene.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../../support/network/rules.ts";
import { Child } from "../../support/runtime/child.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { within } from "../../support/runtime/waiting.ts";
import { openCases, problemOf } from "./argument_cases.ts";

requireIsolation();

test("wrong arguments of every option of open", { timeout: 20_000 }, () => {
  const number = nextQueue();
  const problems = openCases.flatMap((each) => problemOf(each, number));
  assert.deepEqual(problems, []);
  assert.equal(ownedQueues().has(number), false, "no queue was bound on the way");
});

test("they are found before the library is loaded", { timeout: 20_000 }, async () => {
  await using child = new Child(new URL("fixtures/arguments.ts", import.meta.url), {
    environment: { NFQUEUE_LIBRARY: "/nonexistent/library.so" },
  });
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  assert.deepEqual(JSON.parse(child.output), []);
});

test("every option's limits are accepted", { timeout: 20_000 }, () => {
  const good: readonly PacketQueueOptions[] = [
    {},
    ...[0, 1, 65531].map((copyRange) => ({ copyRange })),
    ...[1, 1024, 0xffffffff].map((maxLength) => ({ maxLength })),
    ...[1, 4096, 1 << 20].map((receiveBuffer) => ({ receiveBuffer })),
    ...[1, 1024].map((batchSize) => ({ batchSize })),
    ...[true, false].map((failOpen) => ({ failOpen })),
    ...[true, false].map((gso) => ({ gso })),
    ...[true, false].map((uidGid) => ({ uidGid })),
    ...[true, false].map((reportOverruns) => ({ reportOverruns })),
    ...(["unspecified", "ipv4", "ipv6"] as const).map((family) => ({ family })),
    ...[1, 0x7fffffff].map((milliseconds) => ({
      deadline: { milliseconds, verdict: Verdict.Drop },
    })),
    ...[Verdict.Drop, Verdict.Accept].map((onError) => ({ onError })),
    ...[1, 0xffffffff].map((concurrency) => ({ concurrency })),
  ];
  const number = nextQueue();
  for (const options of good) {
    using queue = PacketQueue.open(number, options);
    assert.equal(queue.number, number);
  }
});

/** Every option of `open`. */
const optionNames: readonly (keyof PacketQueueOptions)[] = [
  ...["copyRange", "maxLength", "receiveBuffer", "batchSize", "concurrency"] as const,
  ...["failOpen", "gso", "conntrack", "uidGid", "securityContext", "reportOverruns"] as const,
  ...["family", "deadline", "onError"] as const,
];

/** What of a queue can be seen from outside and does not change from one to the next. */
function settingsOf(queue: PacketQueue): unknown {
  const { copyMode, copyRange } = queueStatistics(queue.number) ?? {};
  return { copyMode, copyRange };
}

test("options of open given as undefined are as if absent", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const number = nextQueue();
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const look = async (options: PacketQueueOptions | undefined): Promise<unknown> => {
    using queue = PacketQueue.open(number, options);
    await sender.send("x", receiver);
    const seen: unknown[] = [settingsOf(queue)];
    queue.runSync((packet) => {
      seen.push(packet.truncated, packet.checksumNotReady, packet.uid, packet.conntrack);
      return Verdict.Accept;
    }, { maxPackets: 1 });
    assert.deepEqual(await receiver.take(1), ["x"]);
    return seen;
  };
  const expected = await look({});
  assert.deepEqual(await look(undefined), expected);
  for (const name of optionNames) {
    assert.deepEqual(await look({ [name]: undefined }), expected, name);
  }
  const all = Object.fromEntries(optionNames.map((name) => [name, undefined]));
  assert.deepEqual(await look(all), expected);
});

test("options of everything else given as undefined are as if absent", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  const match = udpTo(receiver.port);
  using _mark = new Rule({
    ...{ table: "mangle", chain: "OUTPUT", match },
    jump: ["MARK", "--set-mark", "0x42"],
  });
  using kept = new Rule({
    ...{ table: "mangle", chain: "POSTROUTING" },
    match: [...match, "-m", "mark", "--mark", "0x42"],
  });
  const decide = (packet: Packet): void => {
    const text = udpText(packet.payload);
    assert.equal(packet.checksumNotReady, true);
    if (text === "accept") packet.accept({ mark: undefined });
    else if (text === "stop") packet.stop({ mark: undefined });
    // Nobody listens there, and without bypass that drops it.
    else packet.requeue(65535, { mark: undefined, bypass: undefined });
  };
  const texts = ["requeue", "accept", "stop"];
  queue.setFlags({ gso: undefined });
  queue.setFlags({
    ...{ failOpen: undefined, conntrack: undefined },
    ...{ uidGid: undefined, securityContext: undefined },
  });
  await sender.sendAll(texts, receiver);
  assert.deepEqual(queue.runSync(decide, { maxPackets: 3, timeout: undefined }).packets, 3);
  assert.deepEqual(await receiver.take(2), ["accept", "stop"]);
  await sender.sendAll(texts, receiver);
  const result = queue.runSync(decide, { maxPackets: undefined, timeout: 0 });
  assert.deepEqual(result, { packets: 3, reason: "timeout" });
  assert.deepEqual(await receiver.take(2), ["accept", "stop"]);
  assert.equal(kept.packets, 4);
  const run = queue.run((packet) => {
    packet.accept();
    queue.close();
  }, { signal: undefined });
  await sender.send("run", receiver);
  await within(run, { what: "run to end" });
  assert.deepEqual(await receiver.take(1), ["run"]);
});

test("run rejects rather than throws", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  const accept = (): Verdict => Verdict.Accept;
  const promises = [
    queue.run("x" as never),
    queue.run(undefined as never),
    queue.run(accept, null as never),
    queue.run(accept, { signal: 5 } as never),
    queue.run(accept, { sign: 5 } as never),
  ];
  for (const promise of promises) await assert.rejects(promise, TypeError);
  queue.close();
  const late = queue.run(accept);
  await assert.rejects(late, QueueClosedError);
});

const notNumbers = ["1", null, true, {}, 5n];
const notIntegers = [NaN, Infinity, 1.5, -1];

test("wrong arguments of run, runSync and the setters", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  const accept = (): Verdict => Verdict.Accept;
  for (const handler of [undefined, null, 5, "accept", {}]) {
    const wrong = handler as unknown as SyncHandler;
    assert.throws(() => queue.runSync(wrong), { name: "TypeError", message: /handler/ });
    await assert.rejects(async () => await queue.run(wrong), {
      name: "TypeError",
      message: /handler/,
    });
  }
  for (const signal of [5, "signal", {}, null]) {
    const options = { signal: signal as unknown as AbortSignal };
    await assert.rejects(async () => await queue.run(accept, options), {
      name: "TypeError",
      message: /signal/,
    });
  }
  for (const option of ["maxPackets", "timeout"]) {
    const message = new RegExp(option);
    for (const value of notNumbers) {
      const options = { [option]: value } as { timeout: number };
      assert.throws(() => queue.runSync(accept, options), { name: "TypeError", message });
    }
    for (const value of notIntegers) {
      const options = { [option]: value } as { timeout: number };
      assert.throws(() => queue.runSync(accept, options), { name: "RangeError", message });
    }
  }
  for (const wrong of [null, 5, "options"] as unknown[]) {
    assert.throws(() => queue.runSync(accept, wrong as { timeout: number }), TypeError);
    await assert.rejects(
      async () => await queue.run(accept, wrong as { signal: AbortSignal }),
      TypeError,
    );
  }
  const misspelt = { timeOut: 5 } as { timeout?: number };
  assert.throws(() => queue.runSync(accept, misspelt), { name: "TypeError", message: /timeOut/ });

  for (const value of [...notNumbers, undefined]) {
    const wrong = value as number;
    assert.throws(() => queue.setCopyRange(wrong), { name: "TypeError", message: /copyRange/ });
    assert.throws(() => queue.setMaxLength(wrong), { name: "TypeError", message: /maxLength/ });
  }
  for (const value of [...notIntegers, 65532]) {
    assert.throws(() => queue.setCopyRange(value), { name: "RangeError", message: /copyRange/ });
  }
  for (const value of [...notIntegers, 0, 2 ** 32]) {
    assert.throws(() => queue.setMaxLength(value), { name: "RangeError", message: /maxLength/ });
  }
  for (const flag of ["failOpen", "gso", "conntrack", "uidGid", "securityContext"]) {
    for (const value of [1, 0, "true", null]) {
      assert.throws(() => queue.setFlags({ [flag]: value as unknown as boolean }), {
        name: "TypeError",
        message: new RegExp(flag),
      });
    }
  }
  const unknown = { copyRange: true } as { gso?: boolean };
  assert.throws(() => queue.setFlags(unknown), { name: "TypeError", message: /copyRange/ });
  assert.throws(() => queue.setFlags(null as unknown as { gso: boolean }), TypeError);
});

test("wrong arguments of queueStatistics", { timeout: 20_000 }, () => {
  for (const value of notNumbers) assert.throws(() => queueStatistics(value as number), TypeError);
  for (const value of [...notIntegers, 65536]) {
    assert.throws(() => queueStatistics(value), RangeError);
  }
});
