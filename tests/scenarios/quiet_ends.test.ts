// What outlasts its use: a deadline's timer, a listener that hears once, a verdict that a listener gives
// just before its thread blocks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

for (const how of ["runSync", "run", "for await", "held"]) {
  test(`a deadline keeps no program alive when nothing waits: ${how}`, {
    timeout: 60_000,
  }, async () => {
    using receiver = await UdpSocket.open();
    const number = nextQueue();
    using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const script = new URL("fixtures/deadline_rest.ts", import.meta.url);
    await using child = new Child(script, { parameters: [number, how] });
    await child.says("open");
    await receiver.send("x", receiver);
    const { code } = await child.end();
    assert.equal(code, 0);
  });
}

test("where the only listener heard once, the console tells of what follows", {
  timeout: 60_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const warned: unknown[] = [];
  const { warn } = console;
  console.warn = (text: unknown) => void warned.push(text);
  let heard = 0;
  const next = async () => {
    await receiver.send("x", receiver);
    queue.runSync(() => {}, { maxPackets: 1, timeout: 5000 });
  };
  try {
    queue.addEventListener("undecided", () => heard++, { once: true });
    await next();
    assert.deepEqual([heard, warned.length], [1, 0]);
    const ends = new AbortController();
    queue.addEventListener("undecided", () => heard++, { signal: ends.signal });
    await next();
    assert.deepEqual([heard, warned.length], [2, 0]);
    ends.abort();
    await next();
    assert.deepEqual([heard, warned.length], [2, 1]);
  } finally {
    console.warn = warn;
  }
});

test("a listener decides another queue's packet just before the thread blocks", {
  timeout: 60_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using first = PacketQueue.open(nextQueue(), { warn: false });
  using second = PacketQueue.open(nextQueue(), { warn: false });
  using _rule = queueRule(second.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.send("x", receiver);
  let held: Packet | undefined;
  second.runSync((packet) => {
    packet.hold();
    held = packet;
  }, { maxPackets: 1, timeout: 5000 });
  // The verdict lets the datagram through, to a rule that sends it to the first queue.
  using _next = queueRule(first.number, { chain: "INPUT", match: udpTo(receiver.port) });
  first.addEventListener("idle", () => held?.accept());
  const start = performance.now();
  const { packets } = first.runSync(() => Verdict.Accept, { maxPackets: 1, timeout: 20_000 });
  assert.equal(packets, 1);
  // It is told of after three seconds; the next look around would be after eight more.
  const took = performance.now() - start;
  assert.ok(took < 8000, `${took} ms`);
});
