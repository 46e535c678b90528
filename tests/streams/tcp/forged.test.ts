// What somebody forges who knows the addresses and ports of a connection, and not its numbers: RFC 5961.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndReason } from "../../../src/streams/mod.ts";
import { FLAG, INITIAL, Stage, text } from "./stage.ts";

const LIMIT = { timeout: 10_000 } as const;
/** Far from all numbers of the connection. */
const OTHER = 0x1234_5678;
const SYN_ACK = FLAG.SYN | FLAG.ACK;

/** A connection whose client's bytes are doubled, and of which 3 have gone on as 6. */
function begun(): Stage & { readonly seen: string[]; readonly ends: EndReason[] } {
  const seen: string[] = [];
  const ends: EndReason[] = [];
  const stage = new Stage({
    connection: () => ({
      fromClient: (data) => {
        seen.push(new TextDecoder().decode(data));
        return Uint8Array.from([...data].flatMap((byte) => [byte, byte]));
      },
      end: (reason) => ends.push(reason),
    }),
  });
  stage.shakeHands();
  assert.equal(text(stage.client({ data: "abc" })), "aabbcc");
  stage.server({ acknowledgment: INITIAL.client + 7 });
  return Object.assign(stage, { seen, ends });
}

/** That it is translated as before, both ways. */
function goesOn(stage: ReturnType<typeof begun>): void {
  const [data] = stage.client({ sequence: INITIAL.client + 4, data: "d" });
  assert.equal(text([data!]), "dd");
  assert.equal(data!.sequence, (INITIAL.client + 7) >>> 0);
  const [answer] = stage.server({ acknowledgment: INITIAL.client + 9 });
  assert.equal(answer!.acknowledgment, (INITIAL.client + 5) >>> 0);
  assert.deepEqual([stage.seen, stage.ends], [["abc", "d"], []]);
}

for (
  const [what, forge] of [
    ["a client's SYN", (stage) => stage.client({ sequence: OTHER, flags: FLAG.SYN })],
    ["a server's SYN", (stage) => stage.server({ sequence: OTHER, flags: FLAG.SYN })],
    ["a server's SYN and ACK", (stage) => stage.server({ sequence: OTHER, flags: SYN_ACK })],
    ["a client's SYN and ACK", (stage) => stage.client({ sequence: OTHER, flags: SYN_ACK })],
    ["a reset", (stage) => stage.client({ sequence: OTHER, flags: FLAG.RST })],
    [
      "a reset inside the window",
      (stage) => stage.client({ sequence: INITIAL.client + 2, flags: FLAG.RST }),
    ],
    ["a server's reset", (stage) => stage.server({ sequence: OTHER, flags: FLAG.RST })],
    ["an ACK of what was never sent", (stage) => stage.server({ acknowledgment: OTHER })],
  ] as readonly [string, (stage: Stage) => unknown][]
) {
  test(`streams: ${what} with another number changes nothing`, LIMIT, () => {
    using stage = begun();
    for (let count = 0; count < 3; count++) forge(stage);
    goesOn(stage);
  });
}

test("streams: a SYN that is refused changes nothing", LIMIT, () => {
  using stage = begun();
  stage.client({ sequence: OTHER, flags: FLAG.SYN });
  const [reset] = stage.server({
    ...{ sequence: 0, acknowledgment: OTHER + 1, flags: FLAG.RST | FLAG.ACK },
  });
  // The number of the new SYN is not translated as one of the old connection.
  assert.equal(reset!.acknowledgment, OTHER + 1);
  goesOn(stage);
});

test("streams: a SYN that is answered begins another connection", LIMIT, () => {
  using stage = begun();
  const [syn] = stage.client({ sequence: OTHER, flags: FLAG.SYN });
  assert.equal(syn!.sequence, OTHER);
  const answer = { sequence: 77, acknowledgment: OTHER + 1 };
  const [both] = stage.server({ ...answer, flags: SYN_ACK });
  assert.deepEqual([both!.sequence, both!.acknowledgment], [77, OTHER + 1]);
  assert.deepEqual(stage.ends, ["replaced"]);
  assert.equal(stage.streams.statistics.connections, 1);
  const [data] = stage.client({ sequence: OTHER + 1, acknowledgment: 78, data: "xy" });
  assert.deepEqual([data!.sequence, text([data!])], [OTHER + 1, "xxyy"]);
  // The last call of the old one has no bytes.
  assert.deepEqual(stage.seen, ["abc", "", "xy"]);
});

test("streams: the other end may begin the next connection", LIMIT, () => {
  using stage = begun();
  stage.server({ sequence: OTHER, acknowledgment: 0, flags: FLAG.SYN });
  stage.client({ sequence: 77, acknowledgment: OTHER + 1, flags: SYN_ACK });
  assert.deepEqual(stage.ends, ["replaced"]);
  // The server is the client of this one: its bytes are doubled.
  const [data] = stage.server({ sequence: OTHER + 1, acknowledgment: 78, data: "xy" });
  assert.deepEqual([data!.to, text([data!])], ["client", "xxyy"]);
});

test("streams: both ends may begin at once", LIMIT, () => {
  const seen: string[] = [];
  const ends: EndReason[] = [];
  const note = (data: Uint8Array) => {
    seen.push(new TextDecoder().decode(data));
  };
  using stage = new Stage({
    connection: () => ({ fromClient: note, fromServer: note, end: (reason) => ends.push(reason) }),
  });
  stage.client({ sequence: INITIAL.client, acknowledgment: 0, flags: FLAG.SYN });
  stage.server({ sequence: INITIAL.server, acknowledgment: 0, flags: FLAG.SYN });
  stage.client({ sequence: INITIAL.client, flags: SYN_ACK });
  stage.server({ sequence: INITIAL.server, flags: SYN_ACK });
  stage.client({ data: "one" });
  stage.server({ data: "two", acknowledgment: INITIAL.client + 4 });
  assert.deepEqual([seen, ends], [["one", "two"], []]);
});

test("streams: before the server has answered, a stray packet of it begins nothing", LIMIT, () => {
  const seen: string[] = [];
  using stage = new Stage({
    connection: () => ({
      fromServer: (data) => {
        seen.push(new TextDecoder().decode(data));
        return Uint8Array.from([...data, 33]);
      },
    }),
  });
  stage.client({ sequence: INITIAL.client, acknowledgment: 0, flags: FLAG.SYN });
  // The server still has an older connection, and says so (RFC 5961 §4).
  const [challenge] = stage.server({ sequence: OTHER, acknowledgment: OTHER });
  assert.deepEqual([challenge!.sequence, challenge!.acknowledgment], [OTHER, OTHER]);
  const [reset] = stage.client({ sequence: OTHER, acknowledgment: 0, flags: FLAG.RST });
  assert.equal(reset!.sequence, OTHER);
  stage.client({ sequence: OTHER, acknowledgment: OTHER });
  stage.client({ sequence: INITIAL.client, acknowledgment: 0, flags: FLAG.SYN });
  stage.server({ sequence: INITIAL.server, flags: SYN_ACK });
  stage.client();
  const [data] = stage.server({ data: "abc" });
  assert.deepEqual([data!.sequence, text([data!])], [INITIAL.server + 1, "abc!"]);
  assert.deepEqual(seen, ["abc"]);
});

test("streams: a SYN in a connection that is not followed changes nothing", LIMIT, () => {
  const seen: string[] = [];
  using stage = new Stage({
    connection: () => ({
      fromClient: (data) => {
        seen.push(new TextDecoder().decode(data));
        return new Uint8Array(0);
      },
    }),
  });
  // Nothing of it is known, and its numbers are before and behind those of the forged SYN.
  for (const initial of [INITIAL.client - 20, INITIAL.client, INITIAL.client + 20, OTHER]) {
    stage.client({ sequence: initial, acknowledgment: 0, flags: FLAG.SYN });
    for (const at of [1, 4, 100]) {
      const [data] = stage.client({ sequence: INITIAL.client + at + 1, data: "abc" });
      assert.deepEqual(
        [text([data!]), data!.sequence],
        ["abc", (INITIAL.client + at + 1) >>> 0],
      );
      const [answer] = stage.server({ acknowledgment: INITIAL.client + at + 4, data: "xyz" });
      assert.deepEqual(
        [text([answer!]), answer!.acknowledgment],
        ["xyz", (INITIAL.client + at + 4) >>> 0],
      );
    }
  }
  assert.deepEqual(seen, []);
});

test("streams: who goes on behind a reset of its own is not let through unseen", LIMIT, () => {
  using stage = begun();
  stage.client({ sequence: INITIAL.client + 4, flags: FLAG.RST });
  assert.deepEqual(stage.ends, ["reset"]);
  // What the server had under way goes on.
  assert.equal(text(stage.server({ acknowledgment: INITIAL.client + 7, data: "late" })), "late");
  const out = stage.client({ sequence: INITIAL.client + 4, data: "secret" });
  assert.ok(out.every(({ flags }) => (flags & FLAG.RST) !== 0));
  assert.deepEqual([...new Set(out.map(({ to }) => to))].sort(), ["client", "server"]);
  assert.equal(text(out), "");
});
