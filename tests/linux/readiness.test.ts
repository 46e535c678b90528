// Waiting in ppoll(2) without a turn of the event loop.

import assert from "node:assert/strict";
import { test } from "node:test";
import { libc } from "../../ffi/libraries/libc.ts";
import { ERRNO } from "../../src/linux/errno.ts";
import { BlockingWait } from "../../src/linux/readiness.ts";
import { whenBlocked } from "../../src/linux/signals.ts";

const LIMIT = { timeout: 30_000 } as const;
/** Microseconds. */
const TENTH = 100_000;
const MINUTE = 60e6;

test("a wait ends when it is readable, or after its time", LIMIT, () => {
  const { eventfd, eventfd_write, close } = libc();
  const bell = eventfd(0, 0);
  try {
    const wait = new BlockingWait(bell);
    const began = performance.now();
    assert.equal(wait.wait(TENTH), 0);
    assert.ok(performance.now() - began >= 99);
    eventfd_write(bell, 1n);
    assert.equal(wait.wait(MINUTE), 1);
    assert.equal(wait.wait(), 1);
  } finally {
    close(bell);
  }
});

test(
  "a signal that came before the wait ends it: its listener must not wait for a packet",
  LIMIT,
  () => {
    const { eventfd, eventfd_write, close } = libc();
    const bell = eventfd(0, 0);
    let came = true;
    let looks = 0;
    const stop = whenBlocked(() => {
      looks++;
      return came;
    });
    try {
      const wait = new BlockingWait(bell);
      assert.equal(wait.wait(TENTH), -ERRNO.EINTR);
      assert.equal(looks, 1);
      came = false;
      assert.equal(wait.wait(TENTH), 0);
      assert.equal(looks, 2);
      eventfd_write(bell, 1n);
      assert.equal(wait.wait(MINUTE), 1);
    } finally {
      stop();
      close(bell);
    }
  },
);
