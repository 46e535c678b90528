// Malformed messages reach no callback: libnetfilter_queue would read beyond them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NfqHandle } from "../../src/libnetfilter_queue/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { joined, packetMessage } from "./serving.ts";

requireIsolation();

const timeout = 20_000;
const HEADER = 20;

/** A message with one attribute; what its header says of its length may be a lie. */
function withAttribute(
  queue: number,
  { type, size, claimed = size }: {
    readonly type: number;
    readonly size: number;
    readonly claimed?: number;
  },
): Uint8Array {
  const bytes = new Uint8Array(HEADER + 4 + ((size + 3) & ~3));
  bytes.set(packetMessage(queue).subarray(0, HEADER));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(HEADER, 4 + claimed, true);
  view.setUint16(HEADER + 2, type, true);
  return bytes;
}

/** A handle whose callback counts. */
function counting(): {
  readonly handle: NfqHandle;
  readonly queue: number;
  readonly calls: () => number;
} {
  const handle = NfqHandle.nfq_open();
  let seen = 0;
  const queue = handle.nfq_create_queue(nextQueue(), () => {
    seen++;
  });
  return { handle, queue: queue.number, calls: () => seen };
}

test("attributes that C reads as structures must be as long", { timeout }, () => {
  const { handle, queue, calls } = counting();
  using _handle = handle;
  // linux_nfnetlink_queue.h: the header has 7 bytes, the time 16, the address 12, numbers 4.
  const sizes: Readonly<Record<number, number>> = {
    ...{ 1: 7, 3: 4, 4: 16, 5: 4, 6: 4, 7: 4, 8: 4, 9: 12, 14: 4, 16: 4, 17: 4 },
  };
  for (let type = 0; type < 64; type++) {
    const least = sizes[type] ?? 0;
    for (let size = 0; size < 20; size++) {
      for (const flag of [0, 0x8000]) {
        const before = calls();
        const result = handle.nfq_handle_packet(withAttribute(queue, { type: type | flag, size }));
        // The capture length is a number too; C does not read it.
        const good = size >= (type === 13 ? 4 : least);
        assert.equal(result, good ? 0 : -1, `type ${type}, ${size} bytes`);
        assert.equal(calls() - before, good ? 1 : 0);
      }
    }
  }
});

test("a hardware address is at most as long as its place", { timeout }, () => {
  const { handle, queue, calls } = counting();
  using _handle = handle;
  for (const length of [0, 6, 8, 9, 255, 0xffff]) {
    const message = withAttribute(queue, { type: 9, size: 12 });
    new DataView(message.buffer).setUint16(HEADER + 4, length);
    const before = calls();
    assert.equal(handle.nfq_handle_packet(message), length <= 8 ? 0 : -1, `${length} bytes`);
    assert.equal(calls() - before, length <= 8 ? 1 : 0);
  }
});

test("lengths must stay inside their message, messages inside what was given", { timeout }, () => {
  const { handle, queue, calls } = counting();
  using _handle = handle;
  for (const claimed of [-4, -1, 9, 12, 0xfffb]) {
    const message = withAttribute(queue, { type: 10, size: 8, claimed });
    assert.equal(handle.nfq_handle_packet(message), -1, `attribute of ${claimed}`);
  }
  const good = packetMessage(queue, { payload: new Uint8Array(20) });
  for (const length of [0, 15, 16, 19, good.length + 1, good.length + 4, 0x7fffffff, 0xffffffff]) {
    const message = good.slice();
    new DataView(message.buffer).setUint32(0, length, true);
    assert.equal(handle.nfq_handle_packet(message), -1, `message of ${length}`);
    assert.equal(handle.nfq_handle_packet(joined(message, good)), -1, `message of ${length}`);
    // The first message is good, but what follows is not: nothing of it is used.
    assert.equal(handle.nfq_handle_packet(joined(good, message)), -1, `message of ${length}`);
  }
  for (let length = 1; length < good.length; length++) {
    assert.equal(handle.nfq_handle_packet(good, length), -1, `${length} bytes`);
  }
  assert.equal(calls(), 0);
  assert.equal(handle.nfq_handle_packet(good), 0);
  assert.equal(handle.nfq_handle_packet(joined(good, good)), 0);
  assert.equal(calls(), 3);
});
