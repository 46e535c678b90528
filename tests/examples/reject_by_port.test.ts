// examples/reject_by_port.ts: clients are refused, and others are served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Example } from "../../scripts/demonstration/example.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule } from "../support/network/rules.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";

requireIsolation();

for (
  const [reason, refusal] of [
    [undefined, "Connection refused"],
    ["host-unreachable", "No route to host"],
  ] as const
) {
  test(`reject_by_port, ${reason}`, { timeout: 30_000 }, async () => {
    await using blocked = await TcpEchoServer.open();
    await using served = await TcpEchoServer.open();
    const queue = nextQueue();
    const words = ["--port", String(blocked.port), "--port", "9"];
    if (reason !== undefined) words.push("--reason", reason);
    await using example = await Example.start({ name: "reject_by_port", queue, words });
    const match = ["-p", "tcp", "-m", "mark", "!", "--mark", "0x6e667101"];
    using _rule = queueRule(queue, { chain: "OUTPUT", match });
    for (const port of [blocked.port, 9]) {
      using socket = new AskingSocket({ family: 4, protocol: "tcp", address: "127.0.0.1", port });
      socket.ask();
      assert.equal(await socket.refusal(), refusal);
    }
    using client = await TcpClient.open(served.port);
    assert.equal(await client.ask("hello"), "hello");
    assert.equal(await example.interrupt(), "SIGINT");
  });
}
