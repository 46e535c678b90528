// Packets that pass beside the queue, and packets of which the queue gave only a part.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndReason, TcpStreams } from "../../../src/streams/mod.ts";
import { testKernel } from "../../../src/testing/mod.ts";
import { encode } from "../../support/tcp/segment.ts";
import { FLAG, INITIAL, Stage, text } from "./stage.ts";

const LIMIT = { timeout: 10_000 } as const;
const at = (count: number): number => INITIAL.client + 1 + count;

function stageOf(change: boolean, readOnly = false) {
  const seen: string[] = [];
  const ends: EndReason[] = [];
  const limits: string[] = [];
  const stage = new Stage({
    connection: () => ({
      fromClient: (data) => {
        seen.push(new TextDecoder().decode(data));
        return change ? new TextEncoder().encode("longer") : undefined;
      },
      end: (reason) => ends.push(reason),
      readOnly,
    }),
  });
  stage.streams.addEventListener("limit", (event) => {
    limits.push((event as Event & { limit: string }).limit);
  });
  stage.shakeHands();
  return Object.assign(stage, { seen, ends, limits });
}

for (const first of ["what comes behind it", "its acknowledgment"] as const) {
  test(`streams: bytes that passed beside the queue; ${first} comes first`, LIMIT, () => {
    using stage = stageOf(false);
    assert.equal(text(stage.client({ data: "one" })), "one");
    // "two" passes by. The server has it.
    const behind = () => stage.client({ sequence: at(6), data: "three" });
    const acknowledged = () => stage.server({ acknowledgment: at(6) });
    const out = first === "its acknowledgment"
      ? [...acknowledged(), ...behind()]
      : [...behind(), ...acknowledged()];
    const toServer = out.filter(({ to }) => to === "server");
    assert.deepEqual(toServer.map(({ sequence }) => sequence), [at(6) >>> 0]);
    assert.equal(text(toServer), "three");
    assert.deepEqual([stage.limits, stage.ends, stage.seen], [["gap"], ["limit"], ["one", ""]]);
    assert.equal(stage.streams.statistics.limits.gap, 1);
    assert.equal(text(stage.client({ sequence: at(11), data: "four" })), "four");
  });
}

test("streams: a gap in a connection with shifted numbers resets it", LIMIT, () => {
  using stage = stageOf(true);
  assert.equal(text(stage.client({ data: "one" })), "longer");
  stage.server({ acknowledgment: at(6) });
  stage.client({ sequence: at(6), data: "three" });
  const out = stage.server({ acknowledgment: at(9) });
  assert.ok(out.length > 0 && out.every(({ flags }) => (flags & FLAG.RST) !== 0));
  assert.deepEqual([stage.limits, stage.ends], [["gap"], ["refused"]]);
});

test("streams: an acknowledgment beyond all that was sent, where nothing is missing", LIMIT, () => {
  using stage = stageOf(false);
  stage.client({ data: "one" });
  stage.server({ acknowledgment: at(900) });
  assert.equal(text(stage.client({ sequence: at(3), data: "two" })), "two");
  // A segment that is late, and not lost.
  stage.client({ sequence: at(9), data: "four" });
  assert.equal(text(stage.client({ sequence: at(6), data: "and" })), "andfour");
  assert.deepEqual([stage.limits, stage.seen], [[], ["one", "two", "andfour"]]);
});

const ENDS = [1, 2].map((last) => ({ address: [192, 0, 2, last], port: 80 }));

for (
  const [why, copyRange, tooLong] of [["by the copy range", 60, false], [
    "since it is too long",
    60_000,
    true,
  ]] as const
) {
  test(
    `streams: a packet that was cut ${why} is an error that says what to do`,
    LIMIT,
    async () => {
      const kernel = testKernel();
      using queue = kernel.open(0, { copyRange, warn: false });
      using streams = new TcpStreams({ connection: () => ({ fromClient: () => {} }) });
      const running = queue.run(streams.handler);
      const send = (flags: number, data: number) => {
        const segment = {
          sequence: 1,
          acknowledgment: 1,
          flags,
          window: 9,
          data: new Uint8Array(data),
        };
        const bytes = encode(segment, ENDS[0]!, ENDS[1]!);
        // As the kernel writes the length of a packet that has more than 64 KiB.
        if (data > 0 && tooLong) bytes.set([0, 0], 2);
        return kernel.send(bytes);
      };
      // Of a connection that nobody follows it passes.
      assert.equal((await send(FLAG.ACK, 65_490)).verdict, 1);
      await send(FLAG.SYN, 0);
      await Promise.all([
        assert.rejects(running, { name: "RangeError", message: /whole packets.*copy range.*gso/ }),
        send(FLAG.ACK, 65_490).catch(() => {}),
      ]);
    },
  );
}
