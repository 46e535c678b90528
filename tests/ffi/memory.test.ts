// errno and native memory: right under garbage collection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { backend } from "../../ffi/backend.ts";
import { ERRNO, prepareErrno, SystemError, threadErrno } from "../../src/linux/errno.ts";
import { readSystemFile } from "../../src/linux/files.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { cString, NativeMemory, OutgoingMessage, textOf } from "../../ffi/memory.ts";
import { collectGarbage } from "../support/runtime/child.ts";

test("errno is the call's own, 200,000 times among allocations", { timeout: 60_000 }, () => {
  prepareErrno();
  const { close, open } = libc();
  const absent = cString("/nonexistent/file");
  let wrong = 0;
  let garbage: unknown[] = [];
  for (let turn = 0; turn < 100_000; turn++) {
    close(-1);
    if (threadErrno() !== ERRNO.EBADF) wrong++;
    garbage.push({ turn, bytes: new Uint8Array(16) });
    open(absent, 0);
    if (threadErrno() !== ERRNO.ENOENT) wrong++;
    if (garbage.length > 1000) garbage = [];
  }
  assert.equal(wrong, 0);
});

test("native memory keeps its address and its bytes through garbage collections", {
  timeout: 60_000,
}, async () => {
  const blocks = [1, 8, 63, 64, 65, 1000, 1001, 5000].map((size) => new NativeMemory(size));
  blocks.forEach(({ bytes }, index) => bytes.fill(index + 1));
  for (let turn = 0; turn < 5; turn++) {
    for (let piece = 0; piece < 2000; piece++) new Uint8Array(1000).fill(0xff);
    await collectGarbage();
  }
  blocks.forEach((block, index) => {
    const { bytes, address, pointer } = block;
    assert.equal(backend().addressOf(bytes.buffer), address);
    // What C would see at that address.
    const seen = new Uint8Array(backend().viewOf(pointer, bytes.length));
    assert.ok(seen.every((byte) => byte === index + 1), `block of ${bytes.length} bytes`);
  });
});

test("addresses in other memory are the addresses of the bytes", { timeout: 20_000 }, () => {
  const memory = new NativeMemory(32);
  const holder = new NativeMemory(16);
  memory.bytes[5] = 77;
  memory.storeAddress(5, { view: holder.view, position: 8 });
  const address = Number(holder.view.getBigUint64(8, true));
  assert.equal(address, memory.address + 5);
  assert.equal(new Uint8Array(backend().viewOf(backend().pointerTo(address)!, 1))[0], 77);
  assert.equal(backend().pointerTo(0), null);
});

test("an outgoing message's header leads to its bytes", { timeout: 20_000 }, () => {
  const message = new OutgoingMessage(100);
  message.bytes.set([1, 2, 3]);
  const header = new DataView(backend().viewOf(message.prepare(3), 56));
  assert.equal(header.getBigUint64(0, true), 0n, "no address: the socket is connected");
  assert.equal(header.getBigUint64(24, true), 1n, "one vector");
  const vectorAddress = Number(header.getBigUint64(16, true));
  const vector = new DataView(backend().viewOf(backend().pointerTo(vectorAddress)!, 16));
  assert.equal(vector.getBigUint64(8, true), 3n, "three bytes");
  const bytes = backend().pointerTo(Number(vector.getBigUint64(0, true)))!;
  assert.deepEqual([...new Uint8Array(backend().viewOf(bytes, 3))], [1, 2, 3]);
});

test("an outgoing message may have an address, or do without it", { timeout: 20_000 }, () => {
  const message = new OutgoingMessage(100, new Uint8Array([7, 8, 9]));
  const header = new DataView(backend().viewOf(message.prepare(3), 56));
  const address = backend().pointerTo(Number(header.getBigUint64(0, true)))!;
  assert.deepEqual([...new Uint8Array(backend().viewOf(address, 3))], [7, 8, 9]);
  assert.equal(header.getUint32(8, true), 3);
  message.prepareUnaddressed(3);
  assert.equal(header.getUint32(8, true), 0);
  message.prepare(3);
  assert.equal(header.getUint32(8, true), 3);
});

test("C strings", { timeout: 20_000 }, () => {
  assert.deepEqual([...cString("aé")], [0x61, 0xc3, 0xa9, 0]);
  assert.equal(textOf(cString("lo")), "lo");
  assert.equal(textOf(new Uint8Array([0x6c, 0x6f])), "lo");
});

test("system files are read whole; what cannot be opened says why", { timeout: 20_000 }, () => {
  assert.match(readSystemFile("/proc/self/status").text ?? "", /^CapEff:/m);
  assert.deepEqual(readSystemFile("/nonexistent"), { text: undefined, errno: ERRNO.ENOENT });
});

test("a system error carries code, errno, call and advice", { timeout: 20_000 }, () => {
  const error = new SystemError("open", { errno: 13, advice: "Ask root" });
  assert.equal(error.code, "EACCES");
  assert.equal(error.errno, 13);
  assert.equal(error.syscall, "open");
  assert.equal(error.message, "open: EACCES (permission denied). Ask root");
  assert.equal(new SystemError("x", { errno: 9999 }).code, "errno 9999");
});
