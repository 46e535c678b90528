// The bounds of `TcpStreams`, and what happens at each.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EndReason,
  HOLD,
  type StreamResult,
  TcpStreams,
  type TcpStreamsLimits,
  type TcpStreamsOptions,
} from "../../../src/streams/mod.ts";
import { encode, FLAG as BITS } from "../../support/tcp/segment.ts";
import { QueueMiddle } from "../../support/tcp/queue_middle.ts";
import { until } from "../../support/runtime/waiting.ts";
import { FLAG, INITIAL, type Out, Stage, text } from "./stage.ts";

const LIMIT = { timeout: 20_000 } as const;
const at = (count: number): number => INITIAL.client + 1 + count;
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(120);

function stageOf(
  options: Omit<TcpStreamsOptions, "connection">,
  fromClient: (data: Uint8Array) => StreamResult = () => {},
) {
  const ends: EndReason[] = [];
  const limits: string[] = [];
  const stage = new Stage({
    ...options,
    connection: () => ({ fromClient, end: (reason) => ends.push(reason) }),
  });
  stage.streams.addEventListener("limit", (event) => {
    limits.push((event as Event & { limit: string }).limit);
  });
  stage.shakeHands();
  return Object.assign(stage, { ends, limits });
}

function isReset(out: readonly Out[]): void {
  assert.ok(out.every(({ flags }) => (flags & FLAG.RST) !== 0));
  assert.deepEqual([...new Set(out.map(({ to }) => to))].sort(), ["client", "server"]);
}

/** A SYN of another client. */
function synOf(port: number): Uint8Array {
  return encode(
    { sequence: 1, acknowledgment: 0, flags: BITS.SYN, window: 9, data: bytes(0) },
    { address: [192, 0, 2, 1], port },
    { address: [192, 0, 2, 2], port: 80 },
  );
}

for (const then of ["pass", "reset"] as const) {
  test(`streams: limits.connections; then: ${then}`, LIMIT, () => {
    let asked = 0;
    using queue = new QueueMiddle();
    using streams = new TcpStreams({
      limits: { connections: 2, then },
      connection: () => (asked++, { fromClient: () => {} }),
    });
    queue.handler = streams.handler;
    const told: string[] = [];
    streams.addEventListener("limit", (event) => {
      told.push((event as Event & { message: string }).message);
    });
    const passed = [1001, 1002, 1003, 1004].map((port) =>
      queue.middle({ bytes: synOf(port), gso: 0 }, true).length
    );
    assert.deepEqual(passed, then === "pass" ? [1, 1, 1, 1] : [1, 1, 0, 0]);
    const { connections, limits } = streams.statistics;
    assert.deepEqual([asked, connections, limits.connections, told.length], [2, 2, 2, 1]);
  });

  test(
    `streams: limits.connectionBytes, of a sender that asks no window; then: ${then}`,
    LIMIT,
    () => {
      using stage = stageOf({ limits: { connectionBytes: 4096, then } });
      let sent = 0;
      let out: Out[] = [];
      // The server acknowledges nothing, and its window of 64 KiB was lowered.
      for (; stage.limits.length === 0; sent += 1000) {
        assert.ok(sent < 200_000, "no limit");
        out = stage.client({ sequence: at(sent), data: bytes(1000) });
      }
      assert.deepEqual(stage.limits, ["connectionBytes"]);
      if (then === "reset") {
        isReset(out);
        assert.deepEqual(stage.ends, ["refused"]);
      } else {
        assert.deepEqual([stage.ends, text(out).length], [["limit"], 1000]);
        assert.equal(text(stage.client({ sequence: at(sent), data: bytes(9) })).length, 9);
      }
    },
  );

  test(`streams: limits.connectionBytes, far behind a hole; then: ${then}`, LIMIT, () => {
    using stage = stageOf({ limits: { connectionBytes: 4096, then } });
    const out = stage.client({ sequence: at(100_000), data: bytes(10) });
    assert.deepEqual(stage.limits, ["connectionBytes"]);
    if (then === "reset") isReset(out);
    else assert.equal(text(out).length, 10);
  });

  test(`streams: limits.bytes of all connections; then: ${then}`, LIMIT, () => {
    using stage = stageOf({ limits: { bytes: 65_536, then } });
    let sent = 0;
    let out: Out[] = [];
    for (; stage.limits.length === 0; sent += 1000) {
      assert.ok(sent < 300_000, "no limit");
      out = stage.client({ sequence: at(sent), data: bytes(1000) });
    }
    assert.deepEqual(stage.limits, ["bytes"]);
    if (then === "reset") isReset(out);
    else assert.deepEqual([stage.ends, text(out).length], [["limit"], 1000]);
    // Passed bytes are kept until they are acknowledged.
    stage.server({ acknowledgment: at(sent) });
    stage.client({ sequence: at(sent), data: bytes(1) });
    assert.equal(stage.streams.statistics.bytes, 0);
  });

  test(`streams: hold.packets; then: ${then}`, LIMIT, () => {
    using stage = stageOf({ hold: { packets: 3, milliseconds: 60_000, then } }, () => HOLD);
    assert.equal(text(stage.client({ data: "a" })), "");
    // The same bytes again are not a second packet to hold.
    for (let count = 0; count < 5; count++) assert.equal(text(stage.client({ data: "a" })), "");
    assert.equal(text(stage.client({ sequence: at(1), data: "b" })), "");
    const out = stage.client({ sequence: at(2), data: "c" });
    assert.deepEqual(stage.limits, ["hold"]);
    if (then === "reset") isReset(out);
    else assert.deepEqual([stage.ends, text(out)], [["limit"], "abc"]);
  });

  test(`streams: hold.milliseconds; then: ${then}`, LIMIT, async () => {
    using stage = stageOf({ hold: { milliseconds: 30, then } }, () => HOLD);
    assert.equal(text(stage.client({ data: "abc" })), "");
    await until(() => stage.limits.length > 0, { what: "the limit" });
    assert.deepEqual(stage.limits, ["hold"]);
    assert.deepEqual(stage.ends, [then === "pass" ? "limit" : "refused"]);
    const out = stage.queue.takeSent();
    if (then === "reset") assert.equal(out.length >= 2, true);
    else {
      const { bytes } = out[0]!.frame;
      assert.equal(new TextDecoder().decode(bytes.subarray(bytes.length - 3)), "abc");
    }
  });
}

test("streams: limits.connectionBytes lowers the window that the sender is told", LIMIT, () => {
  using stage = stageOf({ limits: { connectionBytes: 8192 } });
  const [answer] = stage.server();
  assert.equal(answer!.window, 8192);
});

test("streams: limits.idle: a connection without packets is forgotten", LIMIT, async () => {
  using stage = stageOf({ limits: { idle: 20 } });
  stage.client({ data: "abc" });
  // At a packet of another one; once a second at most.
  let port = 2000;
  await until(() => {
    stage.queue.middle({ bytes: synOf(port++), gso: 0 }, true);
    return stage.ends.length > 0;
  }, { what: "the end" });
  assert.deepEqual(stage.ends[0], "idle");
  assert.equal(stage.streams.statistics.ended["idle"]! > 0, true);
});

test("streams: limits that are none", LIMIT, () => {
  for (
    const [limits, error] of [
      [{ connections: 0 }, RangeError],
      [{ connectionBytes: 4095 }, RangeError],
      [{ bytes: 65_535 }, RangeError],
      [{ idle: -1 }, RangeError],
      [{ then: "drop" }, RangeError],
      [{ then: 1 }, TypeError],
      [{ seconds: 1 }, TypeError],
    ] as const
  ) {
    const options = { limits: limits as TcpStreamsLimits, connection: () => undefined };
    assert.throws(() => new TcpStreams(options), error);
  }
});
