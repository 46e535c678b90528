// TcpStreams over a way that the kernel's netem makes bad: delay, loss, other order, doubles.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, RuleSet } from "../../mod.ts";
import { TcpStreams } from "../../src/streams/mod.ts";
import { joined, Recorded } from "../streams/recorded.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { command } from "../support/runtime/command.ts";
import { inMachine } from "../support/vm/machine.ts";

requireIsolation();

const SIZE = 5_000_000;
const PORT = 5370;
const peer = new URL("../streams/fixtures/peer.ts", import.meta.url);
const NETEM = "delay 3ms 1ms loss 0.3% reorder 2% 50% duplicate 0.5%";

test("5 MB each way, longer and shorter, over netem", inMachine, async () => {
  using roads = new Crossroads(0);
  for (const { device } of [roads.leftCable, roads.rightCable]) {
    command("tc", ["qdisc", "add", "dev", device, "root", "netem", ...NETEM.split(" ")]);
  }
  const up = new Recorded((data, _, call) => joined(data, new Uint8Array(10).fill(call)));
  const down = new Recorded((data) => data.subarray(0, data.length - (data.length >> 3)));
  const ends: string[] = [];
  using streams = new TcpStreams({
    connection: () => ({
      fromClient: up.callback,
      fromServer: down.callback,
      end: (reason) => ends.push(reason),
    }),
  });
  const number = nextQueue();
  using queue = PacketQueue.open(number, { gso: true, warn: false });
  using _rules = RuleSet.install(TcpStreams.rules({
    ...{ serverPort: PORT, path: "forward", queue: number, device: roads.leftCable.device },
  }));
  const abort = new AbortController();
  const running = queue.run(streams.handler, { signal: abort.signal });
  const words = (seed: number) => [roads.rightCable.farAddress, PORT, SIZE, seed];
  await using server = new Child(peer, {
    ...{ prefix: roads.right.prefix, parameters: ["server", ...words(13)] },
  });
  await server.says("ready");
  await using client = new Child(peer, {
    ...{ prefix: roads.left.prefix, parameters: ["client", ...words(7)] },
  });
  await Promise.all([client.end(180_000), server.end(180_000)]);
  assert.equal(client.output.trim(), down.line);
  assert.equal(server.output.replace("ready", "").trim(), up.line);
  assert.deepEqual(ends, ["closed"]);
  assert.equal(streams.statistics.unsent, 0);
  // netem was really at work.
  const told = command("tc", ["-s", "qdisc", "show", "dev", roads.rightCable.device]);
  assert.ok(Number(/dropped (\d+)/.exec(told)?.[1]) > 0, told);
  abort.abort();
  await running;
});
