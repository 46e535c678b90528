// Mistakes a program can make with a handle: each is an error, none is a crash.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as ipq from "../../src/ipq/mod.ts";
import { IpqError, IpqHandle } from "../../src/ipq/mod.ts";
import { forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 20_000;
const buffer = new Uint8Array(200);
const open = (): IpqHandle => IpqHandle.create(0, 2, { transport: "nfqueue", queue: nextQueue() });

/** Takes anything: what a program without types may pass. */
type Loose = (...words: unknown[]) => unknown;
const loose = ipq as unknown as Readonly<Record<`ipq_${string}`, Loose>>;
const methodOf = (handle: IpqHandle, name: string): Loose => (...words) =>
  (handle as unknown as Record<string, Loose>)[name]!(...words);

const typeError = { name: "TypeError" };
const rangeError = { name: "RangeError" };

/** Functions that take a handle, with arguments that are right. */
const calls: readonly (readonly [name: string, ...rest: unknown[]])[] = [
  ["ipq_set_mode", 1, 0],
  ["ipq_read", buffer, buffer.length, -1],
  ["ipq_set_verdict", 1n, 1, 0, null],
  ["ipq_ctl", 0],
];

test("no handle", { timeout }, () => {
  const stranger = Object.create(IpqHandle.prototype);
  for (const wrong of [null, undefined, 0, 1, "handle", {}, [], () => {}, stranger]) {
    for (const [name, ...rest] of calls) {
      // ipq_ctl asks nothing of a handle but to be one.
      if (wrong === stranger && name === "ipq_ctl") continue;
      assert.throws(() => loose[name as "ipq_"]!(wrong, ...rest), typeError, `${name} ${wrong}`);
    }
    if (wrong !== null) assert.throws(() => loose["ipq_destroy_handle"]!(wrong), typeError);
    if (wrong) {
      assert.throws(() => loose["ipq_errstr"]!(wrong), typeError);
      assert.throws(() => loose["ipq_perror"]!("x", wrong), typeError);
    }
  }
  assert.throws(() => ipq.ipq_set_mode(null, 1, 0), /ipq_create_handle has failed/);
  assert.equal(ipq.ipq_destroy_handle(null), 0);
  const Constructor = IpqHandle as unknown as new (...words: unknown[]) => unknown;
  for (const word of [undefined, null, 5, "nfqueue"]) {
    assert.throws(() => new Constructor(word), typeError);
  }
});

test("after destroy, functions", { timeout }, () => {
  const handle = open();
  assert.equal(ipq.ipq_destroy_handle(handle), 0);
  assert.equal(ipq.ipq_destroy_handle(handle), 0);
  assert.equal(ipq.ipq_set_mode(handle, 1, 0), -1);
  assert.deepEqual([handle.errno, handle.systemErrno], [12, 9]);
  assert.equal(ipq.ipq_errstr(handle), "Failed to send netlink message");
  assert.equal(ipq.ipq_read(handle, buffer, buffer.length, 0), -1, "it does not wait");
  assert.deepEqual([handle.errno, handle.systemErrno], [6, 9]);
  assert.equal(ipq.ipq_set_verdict(handle, 1, 1, 0, null), -1);
  assert.deepEqual([handle.errno, handle.systemErrno], [12, 9]);
  assert.equal(ipq.ipq_set_verdict(handle, 1, 1, 40, new Uint8Array(40)), -1);
  assert.equal(ipq.ipq_errstr(), "Failed to send netlink message");
  assert.equal(ipq.ipq_ctl(handle, 1), 1);
  assert.equal(handle.fd, -1);
  assert.equal(handle.transport, "nfqueue");
  // What is wrong in any case is said first.
  assert.throws(() => ipq.ipq_set_mode(handle, 256, 0), rangeError);
});

test("after destroy, class", { timeout }, async () => {
  const handle = open();
  handle.destroy();
  handle.destroy();
  handle[Symbol.dispose]();
  const gone = (code: number) => (error: unknown): boolean => {
    assert.ok(error instanceof IpqError);
    assert.deepEqual([error.code, error.errno], [code, 9]);
    assert.match(error.message, /Bad file descriptor.*destroyed/);
    assert.deepEqual([handle.errno, handle.systemErrno], [code, 9]);
    return true;
  };
  assert.throws(() => handle.setMode(1), gone(12));
  assert.throws(() => handle.read(buffer), gone(6));
  assert.throws(() => handle.setVerdict(1n, 1), gone(12));
  assert.throws(() => handle.setVerdict(1n, 1, new Uint8Array(40)), gone(12));
  await assert.rejects(handle.readAsync(buffer), gone(6));
  await assert.rejects(handle.readAsync(buffer, { timeout: -1 }), gone(6));
  assert.equal(handle.fd, -1);
});

test("buffers that are none", { timeout }, () => {
  using handle = open();
  const views = [new ArrayBuffer(200), new DataView(new ArrayBuffer(200)), new Uint16Array(100)];
  for (const wrong of [undefined, null, 200, "text", [], {}, new Int8Array(200), ...views]) {
    assert.throws(() => loose["ipq_read"]!(handle, wrong, 20, -1), typeError);
    assert.throws(() => methodOf(handle, "read")(wrong, -1), typeError);
    for (const name of ["ipq_message_type", "ipq_get_packet", "ipq_get_msgerr"] as const) {
      assert.throws(() => loose[name]!(wrong), typeError, `${name} ${wrong}`);
    }
    if (wrong === undefined || wrong === null) continue;
    assert.throws(() => loose["ipq_set_verdict"]!(handle, 1n, 1, 20, wrong), typeError);
    assert.throws(() => methodOf(handle, "setVerdict")(1n, 1, wrong), typeError);
  }
  assert.throws(() => loose["ipq_set_verdict"]!(handle, 1n, 1, 20, undefined), typeError);
  assert.throws(() => handle.read(Object.create(Uint8Array.prototype), -1), typeError);
  const detached = new Uint8Array(100);
  structuredClone(detached, { transfer: [detached.buffer] });
  assert.throws(() => ipq.ipq_read(handle, detached, 0, -1), typeError);
  assert.throws(() => handle.setVerdict(1n, 1, detached), typeError);
});

test("lengths that lie", { timeout }, () => {
  using handle = open();
  for (const length of [201, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, -1, 0.5, NaN, Infinity]) {
    assert.throws(() => ipq.ipq_read(handle, buffer, length, -1), rangeError, `${length}`);
    assert.throws(() => ipq.ipq_set_verdict(handle, 1, 1, length, buffer), rangeError);
  }
  for (const length of ["20", 20n, null, undefined, {}]) {
    assert.throws(() => loose["ipq_read"]!(handle, buffer, length, -1), typeError);
    assert.throws(() => loose["ipq_set_verdict"]!(handle, 1, 1, length, buffer), typeError);
    assert.throws(() => loose["ipq_set_verdict"]!(handle, 1, 1, length, null), typeError);
  }
  assert.equal(ipq.ipq_read(handle, buffer, 200, -1), 0, "no call was made");
});

test("numbers out of range", { timeout }, () => {
  using handle = open();
  for (const mode of [-1, 256, 0.5, NaN, Infinity]) {
    assert.throws(() => handle.setMode(mode), rangeError);
    assert.throws(() => ipq.ipq_set_mode(handle, mode, 0), rangeError);
  }
  for (const size of [-1, -1n, 2 ** 64, 2n ** 64n, 0.5, NaN, Infinity]) {
    assert.throws(() => handle.setMode(1, size), rangeError);
    assert.throws(() => handle.setVerdict(size, 1), rangeError);
    assert.throws(() => ipq.ipq_set_verdict(handle, size, 1, 0, null), rangeError);
  }
  for (const verdict of [-1, 2 ** 32, 0.5, NaN]) {
    assert.throws(() => handle.setVerdict(1n, verdict), rangeError);
  }
  for (const timeout of [2 ** 31, -(2 ** 31) - 1, 0.5, NaN, Infinity]) {
    assert.throws(() => handle.read(buffer, timeout), rangeError);
    assert.throws(() => ipq.ipq_ctl(handle, timeout), rangeError);
  }
  for (const word of ["1", null, {}, true, Symbol("1")]) {
    assert.throws(() => methodOf(handle, "setMode")(word), typeError);
    assert.throws(() => methodOf(handle, "setMode")(1, word), typeError);
    assert.throws(() => methodOf(handle, "setVerdict")(word, 1), typeError);
    assert.throws(() => methodOf(handle, "setVerdict")(1n, word), typeError);
    assert.throws(() => methodOf(handle, "read")(buffer, word), typeError);
    assert.throws(() => loose["ipq_ctl"]!(handle, word), typeError);
  }
  assert.throws(() => methodOf(handle, "setMode")(1n), typeError);
  assert.deepEqual([handle.errno, handle.systemErrno], [0, 0], "no call was made");
  assert.equal(handle.read(buffer, -1), 0);
});

test("arguments left out of C's calls", { timeout }, () => {
  using handle = open();
  const complete: readonly (readonly [name: `ipq_${string}`, ...words: unknown[]])[] = [
    ["ipq_set_mode", handle, 1, 0],
    ["ipq_read", handle, buffer, buffer.length, -1],
    ["ipq_set_verdict", handle, 1n, 1, 0, null],
    ["ipq_ctl", handle, 0],
    ["ipq_get_packet", buffer],
    ["ipq_message_type", buffer],
    ["ipq_create_handle", 0, 7],
  ];
  for (const [name, ...words] of complete) {
    loose[name]!(...words);
    for (let count = 0; count < words.length; count++) {
      assert.throws(() => loose[name]!(...words.slice(0, count)), typeError, `${name} ${count}`);
    }
  }
});

test("options that are none", { timeout }, () => {
  const before = [...ownedQueues()].length;
  const create = loose["ipq_create_handle"]!;
  const method = (IpqHandle as unknown as Record<string, Loose>)["create"]!;
  for (const act of [create, method]) {
    for (const queue of [-1, 65_536, 0.5, NaN]) {
      assert.throws(() => act(0, 2, { transport: "nfqueue", queue }), rangeError);
    }
    for (const queue of ["0", null, 0n, {}]) {
      assert.throws(() => act(0, 2, { transport: "nfqueue", queue }), typeError);
    }
    for (const transport of ["", "NFQUEUE", "ip_queue", 0, null, {}, [], Symbol("x")]) {
      assert.throws(() => act(0, 2, { transport, queue: 1 }), typeError);
    }
    assert.throws(() => act(0, 2, null), typeError);
    for (const number of [-1, 2 ** 32, 0.5, NaN]) {
      assert.throws(() => act(number, 2), rangeError);
      assert.throws(() => act(0, number), rangeError);
    }
    for (const number of [undefined, null, "2", 2n, {}]) {
      assert.throws(() => act(number, 2), typeError);
      assert.throws(() => act(0, number), typeError);
    }
  }
  assert.equal([...ownedQueues()].length, before);
});

test("options of a read that are none", { timeout }, async () => {
  using handle = IpqHandle.create(0, 2, { transport: "nfqueue", queue: nextQueue() });
  const read = handle.readAsync.bind(handle, new Uint8Array(100)) as (options: unknown) => unknown;
  const none = {
    name: "TypeError",
    message: /^(options must be an object|signal must be an Abort)/,
  };
  for (const options of [null, 5, { signal: Object.create(AbortSignal.prototype) }]) {
    await assert.rejects(async () => await read(options), none);
  }
});

test("flags are ignored", { timeout }, () => {
  for (const flags of [1, 0x8000_0000, 0xffff_ffff]) {
    using handle = ipq.ipq_create_handle(flags, 2, { transport: "nfqueue", queue: nextQueue() });
    assert.ok(handle);
  }
});

for (const form of forms) {
  test(`a handle is destroyed in the middle of things, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(ipq.IPQ_COPY_PACKET);
    await traffic.send("read", "waits");
    const packet = traffic.packet();
    const { payload } = packet;
    form.destroy(traffic.handle);
    assert.equal(traffic.decide(packet, 1), -1);
    assert.equal(payload[0], 0x45, "the program's buffer is its own");
    assert.equal(ownedQueues().has(traffic.queue), false);
    assert.deepEqual(traffic.receiver.pending, []);
  });
}

test("getters that lie, and that destroy the handle", { timeout }, async () => {
  await using child = new Child(new URL("fixtures/getters.ts", import.meta.url), {
    parameters: [nextQueue()],
  });
  assert.deepEqual(await child.end(10_000), { code: 0, signal: null }, child.errors);
  assert.match(child.output, /^\d+ calls\n$/);
});

test("handles that nobody holds any more", { timeout }, async () => {
  await using child = new Child(new URL("fixtures/forgotten.ts", import.meta.url), {
    parameters: [nextQueue(20)],
  });
  assert.deepEqual(await child.end(10_000), { code: 0, signal: null }, child.errors);
  assert.equal(child.output, "the end\n");
  assert.equal(child.errors, "");
});
