// What is remembered of connections has a bound, and what comes from the kernel may be anything.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { readSocketAnswer } from "../../src/netlink/sock_diag.ts";
import { WireError } from "../../src/base/errors.ts";
import { MOST_REMEMBERED, ProcessFinder } from "../../src/process/process_finder.ts";
import type { LocalEnds } from "../../src/process/socket_ends.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

test("4096 connections are remembered, the last ones", { timeout: 120_000 }, async () => {
  using socket = await UdpSocket.open();
  using finder = new ProcessFinder();
  const local = Uint8Array.of(127, 0, 0, 1);
  const ends = (remotePort: number): LocalEnds => ({
    ...{ version: 4, protocol: 17, local, localPort: socket.port, remote: local, remotePort },
    ...{ device: 0, side: "output", opening: false, echo: undefined, user: undefined },
  });
  const first = finder.find("1", ends(1), "likely");
  const kept: unknown[] = [];
  for (let port = 1; port <= MOST_REMEMBERED + 500; port++) {
    const { processes } = finder.find(String(port), ends(port), "likely");
    assert.equal(processes[0]?.id, process.pid);
    // One that is asked for stays.
    if (port % 1000 === 0) kept.push(finder.find("1", ends(1), "likely"));
  }
  assert.equal(finder.remembered, MOST_REMEMBERED);
  for (const result of kept) assert.equal(result, first);
});

test("any bytes for an answer of the kernel", { timeout: 20_000 }, () => {
  let seed = 1;
  const random = () => seed = Math.imul(seed, 1103515245) + 12345 >>> 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = new Uint8Array(random() % 140).map(() => random() >>> 16);
    try {
      const answer = readSocketAnswer(new DataView(bytes.buffer), 0, bytes.length);
      assert.equal(answer === undefined, bytes.length < 88);
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
    }
  }
});
