// Callbacks that C calls: results, exceptions, closing from within, garbage collection. No traffic is
// needed: the messages are made by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HandleClosedError,
  NF_ACCEPT,
  type NfqCallback,
  NfqHandle,
  NFQNL_COPY_META,
  type NfqQueueHandle,
} from "../../src/libnetfilter_queue/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { collectGarbage, collectGarbageNow } from "../support/runtime/child.ts";
import { joined, packetMessage } from "./serving.ts";

requireIsolation();

const timeout = 20_000;

test("the result is C's: a negative number ends the datagram", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  let seen = 0;
  let result: number | void;
  const queue = handle.nfq_create_queue(nextQueue(), () => {
    seen++;
    return result;
  });
  const three = joined(...[1, 2, 3].map((id) => packetMessage(queue.number, { id })));
  const cases = [[undefined, 0, 3], [0, 0, 3], [1, 0, 3], [2 ** 40, 0, 3], [-1, -1, 1]] as const;
  for (const [given, expected, calls] of [...cases, [-(2 ** 40), -1, 1] as const]) {
    seen = 0;
    result = given;
    assert.equal(handle.nfq_handle_packet(three), expected, String(given));
    assert.equal(seen, calls, String(given));
  }
});

test("queue, message and data belong together", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const seen: unknown[] = [];
  const callback: NfqCallback = (queue, message, data) => {
    seen.push([queue.number, message.resourceId, message.family, data.nfq_get_nfmark()]);
  };
  const numbers = [nextQueue(), nextQueue(), 65535, 0];
  for (const number of numbers) handle.nfq_create_queue(number, callback);
  const messages = numbers.map((queue, mark) =>
    packetMessage(queue, { mark: mark + 1, family: mark % 2 ? 10 : 2 })
  );
  assert.equal(handle.nfq_handle_packet(joined(...messages)), 0);
  const expected = numbers.map((queue, mark) => [queue, queue, mark % 2 ? 10 : 2, mark + 1]);
  assert.deepEqual(seen, expected);
});

test("what a callback throws reaches the caller, and nothing breaks", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  let thrown: unknown = new Error("mine");
  let seen = 0;
  const queue = handle.nfq_create_queue(nextQueue(), () => {
    seen++;
    throw thrown;
  });
  const message = packetMessage(queue.number);
  for (thrown of [thrown, "text", 0, undefined, null]) {
    seen = 0;
    try {
      handle.nfq_handle_packet(joined(message, message));
      assert.fail("it returned");
    } catch (error) {
      assert.equal(error, thrown);
    }
    assert.equal(seen, 1);
  }
  queue.nfq_set_queue_maxlen(10);
});

test("a callback must return an integer or nothing", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  let result: unknown;
  const queue = handle.nfq_create_queue(nextQueue(), () => result as number);
  for (result of [Promise.resolve(1), "1", NaN, 1.5, {}, null, 1n, Symbol("s")]) {
    assert.throws(() => handle.nfq_handle_packet(packetMessage(queue.number)), TypeError);
  }
  result = Promise.resolve(1);
  assert.throws(() => handle.nfq_handle_packet(packetMessage(queue.number)), /got a promise/);
});

test("a callback may hand in messages itself", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const marks: number[] = [];
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    const mark = data.nfq_get_nfmark();
    const inner = () => handle.nfq_handle_packet(packetMessage(queue.number, { mark: mark - 1 }));
    if (mark === 4) assert.throws(inner, /innermost/);
    else if (mark === 1) throw new Error("innermost");
    else assert.equal(inner(), 0);
    // The outer message is where it was.
    assert.equal(data.nfq_get_nfmark(), mark);
    marks.push(mark);
  });
  assert.throws(
    () => handle.nfq_handle_packet(packetMessage(queue.number, { mark: 3 })),
    /innermost/,
  );
  assert.deepEqual(marks, []);
  assert.equal(
    handle.nfq_handle_packet(joined(
      packetMessage(queue.number, { mark: 5, payload: new Uint8Array(9000) }),
    )),
    0,
  );
});

test("the memory handed in is no longer needed", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const ids: number[] = [];
  let bytes = new Uint8Array();
  const queue = handle.nfq_create_queue(nextQueue(), (_queue, _message, data) => {
    // C goes on to the second message after this.
    if (bytes.length > 0) structuredClone(bytes, { transfer: [bytes.buffer] });
    collectGarbageNow();
    ids.push(data.nfq_get_msg_packet_hdr()?.packetId ?? 0);
  });
  bytes = new Uint8Array(joined(
    packetMessage(queue.number, { id: 1 }),
    packetMessage(queue.number, { id: 2 }),
  ));
  assert.equal(handle.nfq_handle_packet(bytes), 0);
  assert.equal(bytes.length, 0);
  assert.deepEqual(ids, [1, 2]);
});

test("closing the handle inside a callback", { timeout }, () => {
  const handle = NfqHandle.nfq_open();
  let seen = 0;
  const number = nextQueue();
  const queue = handle.nfq_create_queue(number, (queue, _message, data) => {
    seen++;
    handle.nfq_close();
    handle.nfq_close();
    assert.equal(handle.closed, true);
    assert.equal(queue.closed, true);
    // C still has the message.
    assert.equal(data.nfq_get_nfmark(), 7);
    assert.throws(() => queue.nfq_set_verdict(1, NF_ACCEPT), HandleClosedError);
    assert.throws(() => handle.nfq_handle_packet(new Uint8Array(0)), HandleClosedError);
  });
  const message = packetMessage(queue.number, { mark: 7 });
  assert.equal(handle.nfq_handle_packet(joined(message, message, message)), -1);
  assert.equal(seen, 1);
  assert.ok(!ownedQueues().has(number));
  assert.throws(() => handle.nfq_handle_packet(message), HandleClosedError);
});

test("closing the handle in a nested callback, and throwing", { timeout }, () => {
  const handle = NfqHandle.nfq_open();
  let depth = 0;
  const queue = handle.nfq_create_queue(nextQueue(), (queue) => {
    depth++;
    if (depth === 3) {
      queue.nfq_destroy_queue();
      handle.nfq_close();
      throw new Error("the third");
    }
    handle.nfq_handle_packet(packetMessage(queue.number));
    assert.fail("it returned");
  });
  assert.throws(() => handle.nfq_handle_packet(packetMessage(queue.number)), /the third/);
  assert.equal(depth, 3);
  assert.ok(!ownedQueues().has(queue.number));
});

test("destroying the queue inside its callback", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  let seen = 0;
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    seen++;
    queue.nfq_destroy_queue();
    queue.nfq_destroy_queue();
    assert.equal(queue.closed, true);
    assert.throws(() => queue.nfq_set_mode(NFQNL_COPY_META, 0), HandleClosedError);
    assert.equal(data.nfq_get_nfmark(), 7);
  });
  const message = packetMessage(queue.number, { mark: 7 });
  assert.equal(handle.nfq_handle_packet(joined(message, message)), 0);
  assert.equal(seen, 1);
  assert.ok(!ownedQueues().has(queue.number));
  assert.equal(handle.closed, false);
  assert.equal(handle.nfq_handle_packet(message), -1);
  const again = handle.nfq_create_queue(queue.number, () => 0);
  assert.equal(handle.nfq_handle_packet(message), 0);
  again.nfq_destroy_queue();
});

test("destroying, making and configuring other queues inside a callback", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const seen: string[] = [];
  const other = handle.nfq_create_queue(nextQueue(), () => void seen.push("other"));
  let fresh: NfqQueueHandle | undefined;
  const queue = handle.nfq_create_queue(nextQueue(), (queue) => {
    seen.push("queue");
    other.nfq_destroy_queue();
    queue.nfq_set_queue_maxlen(77);
    fresh = handle.nfq_create_queue(nextQueue(), () => void seen.push("fresh"));
  });
  const first = packetMessage(queue.number);
  assert.equal(handle.nfq_handle_packet(joined(first, packetMessage(other.number))), 0);
  assert.deepEqual(seen, ["queue"]);
  assert.ok(fresh && !ownedQueues().has(other.number));
  assert.equal(handle.nfq_handle_packet(packetMessage(other.number)), -1);
  assert.equal(handle.nfq_handle_packet(packetMessage(fresh.number)), 0);
  assert.deepEqual(seen, ["queue", "fresh"]);
});

test("handles that close each other", { timeout }, () => {
  const first = NfqHandle.nfq_open();
  const second = NfqHandle.nfq_open();
  const inner = second.nfq_create_queue(nextQueue(), () => {
    first.nfq_close();
    second.nfq_close();
  });
  const outer = first.nfq_create_queue(nextQueue(), (_queue, _message, data) => {
    assert.equal(second.nfq_handle_packet(packetMessage(inner.number)), 0);
    assert.ok(!ownedQueues().has(inner.number));
    assert.ok(ownedQueues().has(outer.number));
    assert.equal(data.nfq_get_nfmark(), 9);
  });
  assert.equal(first.nfq_handle_packet(packetMessage(outer.number, { mark: 9 })), 0);
  assert.ok(!ownedQueues().has(outer.number));
});

test("garbage collection takes nothing that C still needs", { timeout }, async () => {
  const number = nextQueue();
  let seen = 0;
  const open = (): NfqHandle => {
    const handle = NfqHandle.nfq_open();
    handle.nfq_create_queue(number, () => {
      seen++;
      collectGarbageNow();
    });
    return handle;
  };
  using handle = open();
  for (let round = 0; round < 5; round++) {
    await collectGarbage();
    const message = packetMessage(number, { payload: new Uint8Array(2000) });
    assert.equal(handle.nfq_handle_packet(joined(message, message)), 0);
  }
  assert.equal(seen, 10);
});

test("a handle that nobody closes harms nobody", { timeout }, async () => {
  const number = nextQueue();
  const forget = (): void => {
    const handle = NfqHandle.nfq_open();
    handle.nfq_create_queue(number, () => 0);
    handle.nfq_handle_packet(packetMessage(number));
  };
  forget();
  await collectGarbage();
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), () => 0);
  assert.equal(handle.nfq_handle_packet(packetMessage(queue.number)), 0);
});
