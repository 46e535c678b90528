// libipq over NFQUEUE: buffers that are too short, and how long a read waits.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { IPQ_COPY_PACKET, NF_ACCEPT } from "../../src/ipq/mod.ts";
import { forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 20_000;

/** Milliseconds that something takes. */
function duration(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

for (const form of forms) {
  test(`fewer than 20 bytes: nothing is read, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("waits");
    for (const length of [0, 1, 19]) {
      for (const wait of [-1, 0, 1000]) {
        assert.equal(form.read(traffic.handle, new Uint8Array(length), wait), -1);
        assert.deepEqual([traffic.handle.errno, traffic.handle.systemErrno], [14, 0]);
        assert.equal(traffic.handle.errstr(), "Receive buffer size invalid");
      }
    }
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["waits"]);
  });

  test(`too short for the message: its beginning, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    const text = "0123456789";
    // 28 bytes of headers, 10 of text, 2 of padding.
    const whole = 112 + 40;
    let id = 0n;
    for (const length of [20, 21, 64, 111, 112, 113, 140, whole - 3, whole - 1]) {
      await traffic.send(text);
      const buffer = new Uint8Array(new ArrayBuffer(whole + 8)).fill(0xee);
      const part = buffer.subarray(0, length);
      assert.equal(form.read(traffic.handle, part, 5_000_000), -1, `${length} bytes`);
      assert.deepEqual([traffic.handle.errno, traffic.handle.systemErrno], [10, 0]);
      assert.equal(traffic.handle.errstr(), "Received message truncated");
      const view = new DataView(buffer.buffer);
      assert.equal(view.getUint32(0, true), whole, "nlmsg_len is there");
      assert.equal(view.getUint16(4, true), 0x13);
      assert.ok(buffer.subarray(length).every((byte) => byte === 0xee), "nothing beyond");
      assert.throws(() => form.getPacket(part), { name: "WireError" });
      // The message is gone, the packet is not; with 24 bytes its id is known.
      id = length >= 24 ? view.getBigUint64(16, true) : id + 1n;
      assert.equal(form.setVerdict(traffic.handle, id, NF_ACCEPT), 40);
      assert.deepEqual(await traffic.receiver.take(1), [text]);
    }
    traffic.quiet();
    await traffic.send(text);
    assert.equal(form.read(traffic.handle, new Uint8Array(whole), 5_000_000), whole);
  });

  test(`too short for an error answer: its beginning, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    for (const length of [20, 59]) {
      form.setVerdict(traffic.handle, 1n, NF_ACCEPT);
      const buffer = new Uint8Array(length);
      assert.equal(form.read(traffic.handle, buffer, -1), -1);
      assert.equal(traffic.handle.errno, 10);
      assert.deepEqual([buffer[0], buffer[4]], [60, 2]);
      assert.throws(() => form.getMsgerr(buffer), { name: "WireError" });
      traffic.quiet();
    }
  });

  test(`a part of a larger buffer, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("x");
    const whole = new Uint8Array(1000).fill(0xee);
    const part = whole.subarray(301, 701);
    const count = form.read(traffic.handle, part, 5_000_000);
    assert.equal(count, 112 + 32);
    assert.equal(form.getPacket(part)?.dataLength, 29);
    assert.ok(whole.subarray(0, 301).every((byte) => byte === 0xee));
    assert.ok(whole.subarray(301 + count).every((byte) => byte === 0xee));
  });

  test(`a shared buffer, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("shared");
    const buffer = new Uint8Array(new SharedArrayBuffer(500));
    assert.equal(form.read(traffic.handle, buffer, 5_000_000), 112 + 36);
    const packet = form.getPacket(buffer);
    assert.ok(packet);
    const data = new Uint8Array(new SharedArrayBuffer(packet.dataLength));
    data.set(packet.payload);
    traffic.decide(packet, NF_ACCEPT, data);
    assert.deepEqual(await traffic.receiver.take(1), ["shared"]);
  });

  test(`how long a read waits, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const { handle, buffer } = traffic;
    // Before a mode is set and after.
    for (const mode of [undefined, IPQ_COPY_PACKET]) {
      if (mode !== undefined) traffic.setMode(mode);
      const waits = [[200_000, 200], [1, 0], [-1, 0], [-0x80000000, 0]] as const;
      for (const [microseconds, least] of waits) {
        const time = duration(() => assert.equal(form.read(handle, buffer, microseconds), 0));
        assert.deepEqual([handle.errno, handle.systemErrno], [15, 0]);
        assert.equal(handle.errstr(), "Timeout");
        assert.ok(time >= least - 1 && time < least + 2000, `${microseconds} µs took ${time} ms`);
      }
    }
    // What is there comes at once, whatever the timeout.
    for (const microseconds of [-1, 0, 1, 0x7fffffff]) {
      await traffic.send("there");
      const time = duration(() => assert.equal(form.read(handle, buffer, microseconds), 148));
      assert.ok(time < 2000);
      form.setVerdict(handle, form.getPacket(buffer)!.packetId, NF_ACCEPT);
    }
    assert.deepEqual(await traffic.receiver.take(4), ["there", "there", "there", "there"]);
  });

  test(`a signal ends a read, and is no error, ${form.name}`, { timeout }, async () => {
    await using child = new Child(new URL("fixtures/interrupted.ts", import.meta.url), {
      parameters: [form.name, nextQueue()],
    });
    await child.says("reading");
    // A signal between "reading" and poll() interrupts nothing, so it is given again.
    const again = setInterval(() => process.kill(child.pid, "SIGUSR1"), 100);
    try {
      assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
    } finally {
      clearInterval(again);
    }
    // A fresh handle, then one with an error; ipq_errno and errno of each, and the module's.
    assert.deepEqual(JSON.parse(child.output.split("\n")[1] ?? ""), [
      { count: 0, errno: 0, systemErrno: 4, text: "Unknown error", module: "Timeout" },
      {
        count: 0,
        errno: 14,
        systemErrno: 4,
        text: "Receive buffer size invalid",
        module: "Receive buffer size invalid",
      },
    ]);
  });
}
