// readAsync over NFQUEUE: what ends a wait, and what does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPQ_COPY_META, IPQ_COPY_PACKET, IpqHandle, NF_ACCEPT } from "../../src/ipq/mod.ts";
import { functions, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpText } from "../support/traffic/packets.ts";
import { Child } from "../support/runtime/child.ts";
import { within } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;

/** A wait that a test expects to end. */
function reading(traffic: Traffic, microseconds?: number): Promise<number> {
  const options = microseconds === undefined ? {} : { timeout: microseconds };
  return within(traffic.handle.readAsync(traffic.buffer, options), { what: "readAsync to end" });
}

/** Takes the packet that was read into the buffer; gives its text. */
function accept(traffic: Traffic, count: number): string {
  const packet = functions.getPacket(traffic.buffer.subarray(0, count));
  assert.ok(packet);
  const text = udpText(packet.payload);
  assert.equal(functions.setVerdict(traffic.handle, packet.packetId, NF_ACCEPT), 40);
  return text;
}

for (const family of [4, 6] as const) {
  test(`a packet, there already or yet to come, IPv${family}`, { timeout }, async () => {
    using traffic = await Traffic.open({ family });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("there 1", "there 2");
    assert.equal(accept(traffic, await reading(traffic)), "there 1");
    assert.equal(accept(traffic, await reading(traffic, -1)), "there 2");
    for (let count = 0; count < 20; count++) {
      const read = reading(traffic);
      if (count % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      await traffic.send(`comes ${count}`);
      assert.equal(accept(traffic, await read), `comes ${count}`);
    }
    assert.equal((await traffic.receiver.take(22)).length, 22);
  });
}

test("the timeout is in microseconds", { timeout }, async () => {
  using traffic = await Traffic.open();
  traffic.setMode(IPQ_COPY_META);
  for (const [microseconds, least] of [[100_000, 100], [1, 0], [-1, 0]] as const) {
    const start = performance.now();
    assert.equal(await reading(traffic, microseconds), 0);
    const time = performance.now() - start;
    assert.ok(time >= least - 1 && time < least + 2000, `${microseconds} µs took ${time} ms`);
    assert.deepEqual([traffic.handle.errno, traffic.handle.systemErrno], [15, 0]);
  }
});

test("an answer to another call ends the wait", { timeout }, async () => {
  using traffic = await Traffic.open();
  const verdict = reading(traffic);
  functions.setVerdict(traffic.handle, 12345n, NF_ACCEPT);
  assert.equal(await verdict, 60);
  assert.equal(functions.getMsgerr(traffic.buffer), 2);
  const mode = reading(traffic);
  // The mode that is allowed gives no message, so the wait goes on.
  traffic.setMode(IPQ_COPY_META);
  await new Promise((resolve) => setTimeout(resolve, 10));
  functions.setMode(traffic.handle, 9);
  assert.equal(await mode, 76);
  assert.equal(functions.getMsgerr(traffic.buffer), 22);
});

test("a larger range while it waits", { timeout }, async () => {
  using traffic = await Traffic.open();
  traffic.setMode(IPQ_COPY_PACKET, 20);
  const read = reading(traffic);
  traffic.setMode(IPQ_COPY_PACKET, 0);
  const text = "x".repeat(5000);
  await traffic.send(text);
  assert.equal(accept(traffic, await read), text);
});

test("an abort signal", { timeout }, async () => {
  using traffic = await Traffic.open();
  const { handle, buffer } = traffic;
  traffic.setMode(IPQ_COPY_PACKET);
  const reason = new Error("enough");
  await traffic.send("kept");
  await assert.rejects(handle.readAsync(buffer, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(accept(traffic, await reading(traffic)), "kept");
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...words: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, words);
  };
  signal.removeEventListener = (...words: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, words);
  };
  assert.equal(await handle.readAsync(buffer, { signal, timeout: 1000 }), 0);
  assert.equal(listeners, 0, "one signal for many reads gathers no listeners");
  const error = handle.errno;
  const aborted = handle.readAsync(buffer, { signal });
  setTimeout(() => controller.abort(reason), 10);
  await assert.rejects(within(aborted, { what: "the abort" }), reason);
  assert.equal(listeners, 0);
  assert.equal(handle.errno, error, "an abort is no error of the handle");
  // What comes afterwards is for the next read.
  await traffic.send("next");
  assert.equal(accept(traffic, await reading(traffic)), "next");
  await assert.rejects(
    within(handle.readAsync(buffer, { signal: AbortSignal.timeout(20) }), { what: "its timeout" }),
    { name: "TimeoutError" },
  );
  assert.deepEqual(await traffic.receiver.take(2), ["kept", "next"]);
});

test("destroy while it waits", { timeout }, async () => {
  for (const family of [4, 6] as const) {
    using other = await Traffic.open({ family: 4 });
    using traffic = await Traffic.open({ family, ...(family === 6 ? { queue: other.queue } : {}) });
    other.setMode(IPQ_COPY_META);
    const { handle, buffer } = traffic;
    const read = handle.readAsync(buffer);
    setTimeout(() => handle.destroy(), 10);
    await assert.rejects(within(read, { what: "its end" }), {
      name: "IpqError",
      code: 6,
      errno: 9,
      message: /^Failed to receive netlink message: Bad file descriptor\b/,
    });
    assert.deepEqual([handle.errno, handle.systemErrno], [6, 9]);
    await assert.rejects(handle.readAsync(buffer), { name: "IpqError", code: 6, errno: 9 });
    assert.equal(await reading(other, 1000), 0);
  }
});

test("a second read at the same time is rejected, the first goes on", { timeout }, async () => {
  using traffic = await Traffic.open();
  traffic.setMode(IPQ_COPY_PACKET);
  const first = reading(traffic);
  const second = new Uint8Array(1000);
  await assert.rejects(traffic.handle.readAsync(second), /being read already/);
  await assert.rejects(traffic.handle.readAsync(second, { timeout: -1 }), /being read already/);
  await traffic.send("for the first");
  assert.equal(accept(traffic, await first), "for the first");
  assert.ok(second.every((byte) => byte === 0));
  await traffic.send("for the next");
  assert.equal(accept(traffic, await reading(traffic)), "for the next");
});

test("timers run while packets flood", { timeout }, async () => {
  using traffic = await Traffic.open();
  const { handle, buffer } = traffic;
  traffic.setMode(IPQ_COPY_META);
  await traffic.send("endless");
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  let reads = 0;
  try {
    for (; ticks < 5; reads++) {
      assert.ok(reads < 200_000, `${ticks} ticks in ${reads} reads`);
      assert.equal(await handle.readAsync(buffer), 112);
      // Through the hook again, so that the next one is there at once.
      functions.setVerdict(handle, functions.getPacket(buffer)!.packetId, 4);
    }
  } finally {
    clearInterval(timer);
  }
  assert.ok(reads > 100);
});

test("an abort and destroy while packets flood", { timeout }, async () => {
  using traffic = await Traffic.open();
  const { handle, buffer } = traffic;
  traffic.setMode(IPQ_COPY_META);
  await traffic.send("endless");
  const flood = async (signal?: AbortSignal): Promise<void> => {
    for (let reads = 0; reads < 1_000_000; reads++) {
      await handle.readAsync(buffer, signal === undefined ? {} : { signal });
      functions.setVerdict(handle, functions.getPacket(buffer)!.packetId, 4);
    }
  };
  await assert.rejects(flood(AbortSignal.timeout(20)), { name: "TimeoutError" });
  setTimeout(() => handle.destroy(), 20);
  await assert.rejects(flood(), { name: "IpqError", code: 6, errno: 9 });
});

test("both families wait at once", { timeout }, async () => {
  using four = await Traffic.open({ family: 4 });
  using six = await Traffic.open({ family: 6, queue: four.queue });
  four.setMode(IPQ_COPY_PACKET);
  six.setMode(IPQ_COPY_PACKET);
  for (const order of [[four, six], [six, four], [four, four], [six, six]] as const) {
    for (const pause of [0, 5]) {
      const reads = new Map([four, six].map((traffic) => [traffic, reading(traffic)]));
      for (const traffic of order) {
        await new Promise((resolve) => setTimeout(resolve, pause));
        const text = `${traffic === four ? "four" : "six"} ${pause}`;
        await traffic.send(text);
        const count = await (reads.get(traffic) ?? reading(traffic));
        reads.delete(traffic);
        assert.equal(accept(traffic, count), text);
        assert.deepEqual(await traffic.receiver.take(1), [text]);
      }
      for (const [traffic, read] of reads) {
        functions.setVerdict(traffic.handle, 12345n, NF_ACCEPT);
        assert.equal(await read, 60);
      }
    }
  }
});

test("the other family's packets do not lengthen a timeout", { timeout }, async () => {
  using four = await Traffic.open({ family: 4 });
  using six = await Traffic.open({ family: 6, queue: four.queue });
  four.setMode(IPQ_COPY_META);
  six.setMode(IPQ_COPY_META);
  const start = performance.now();
  let over = false;
  const read = reading(four, 100_000).finally(() => over = true);
  let sent = 0;
  for (; !over; sent++) {
    await six.send("x");
    six.decide(six.packet(), NF_ACCEPT);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(await read, 0);
  const time = performance.now() - start;
  assert.ok(time >= 99 && time < 2000, `${time} ms, ${sent} packets`);
  assert.deepEqual([four.handle.errno, six.handle.errno], [15, 0]);
});

test("reads of both kinds at once lose no packet", { timeout }, async () => {
  using traffic = await Traffic.open();
  const { handle, buffer } = traffic;
  traffic.setMode(IPQ_COPY_PACKET);
  for (let round = 0; round < 20; round++) {
    // The waiting one has a buffer of its own.
    const own = new Uint8Array(2048);
    const waiting = within(handle.readAsync(own), { what: "the async read" });
    if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const texts = Array.from({ length: 5 }, (_, index) => `${round}: ${index}`);
    await traffic.send(...texts);
    const taken: string[] = [];
    const take = (from: Uint8Array): void => {
      const packet = functions.getPacket(from);
      assert.ok(packet);
      taken.push(udpText(packet.payload));
      functions.setVerdict(handle, packet.packetId, NF_ACCEPT);
    };
    let left = 5;
    // It may have one already, which its promise has not told yet.
    for (; left > 1; left--) {
      if (functions.read(handle, buffer, -1) === 0) break;
      take(buffer);
    }
    await waiting;
    take(own);
    left--;
    for (; left > 0 && functions.read(handle, buffer, 5_000_000) > 0; left--) take(buffer);
    assert.deepEqual(taken.sort(), texts);
    assert.deepEqual((await traffic.receiver.take(5)).sort(), texts);
    traffic.quiet();
  }
});

for (const how of ["timeout", "aborted", "destroyed", "packet", "open"]) {
  test(`the process ends when nothing waits: ${how}`, { timeout }, async () => {
    await using child = new Child(new URL("fixtures/read_and_end.ts", import.meta.url), {
      parameters: [how, nextQueue()],
    });
    assert.deepEqual(await child.end(5000), { code: 0, signal: null }, child.errors);
    assert.equal(child.output, `${how}\n`);
  });
}

test("the process goes on while a read waits", { timeout }, async () => {
  await using child = new Child(new URL("fixtures/read_and_end.ts", import.meta.url), {
    parameters: ["waiting", nextQueue()],
  });
  await child.says("waiting");
  await assert.rejects(child.end(300));
});

test("wrong arguments", { timeout }, async () => {
  using handle = IpqHandle.create(0, 2, { transport: "nfqueue", queue: nextQueue() });
  const read = handle.readAsync.bind(handle) as (...words: unknown[]) => Promise<number>;
  const buffer = new Uint8Array(100);
  for (
    const wrong of [
      undefined,
      null,
      5,
      [],
      "text",
      new ArrayBuffer(8),
      new DataView(new ArrayBuffer(8)),
    ]
  ) {
    await assert.rejects(read(wrong), { name: "TypeError" });
  }
  await assert.rejects(read(buffer, null), { name: "TypeError" });
  await assert.rejects(read(buffer, { timeout: "1" }), { name: "TypeError" });
  for (const wrong of [0.5, NaN, Infinity, 2 ** 31, -(2 ** 31) - 1]) {
    await assert.rejects(read(buffer, { timeout: wrong }), { name: "RangeError" });
  }
  for (const wrong of [5, {}, { aborted: false }]) {
    await assert.rejects(read(buffer, { signal: wrong, timeout: 1000 }), { name: "TypeError" });
  }
  await assert.rejects(read(new Uint8Array(19)), { name: "IpqError", code: 14 });
  assert.equal(await handle.readAsync(buffer, { timeout: -1 }), 0, "none of them is under way");
});
