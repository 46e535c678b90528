// TcpStreams between two hosts, through this one: the rules of TcpStreams.rules, a way that drops, doubles
// and delays, and transforms of every kind. What each end gets is what the callbacks let go on.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Packet, PacketQueue, PacketSender, type Rule, RuleSet, Verdict } from "../../mod.ts";
import { finishChecksums } from "../../src/packet/mod.ts";
import { TcpStreams } from "../../src/streams/mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";
import { joined, NOTHING, Recorded, type Transform } from "./recorded.ts";

requireIsolation();

const limit = { timeout: 120_000 } as const;
const SIZE = 2_000_000;
const peer = new URL("fixtures/peer.ts", import.meta.url);
const head = new TextEncoder().encode("inserted at the start");
const KINDS: Readonly<Record<string, Transform>> = {
  "unchanged": () => undefined,
  "other bytes of the same length": (data) => data.map((byte) => byte ^ 0x20),
  "ten bytes more a call": (data, _, call) => joined(data, new Uint8Array(10).fill(call)),
  "half as much again": (data) => joined(data, data.subarray(0, data.length >> 1)),
  "half of it": (data) => data.subarray(0, data.length >> 1),
  "nothing of some": (_, __, call) => call % 3 === 1 ? NOTHING : undefined,
  "nothing at all": () => NOTHING,
  "inserted at the start": (data, _, call) => call === 0 ? joined(head, data) : undefined,
  "inserted at the end": (data, { ended }) =>
    ended ? joined(data, new Uint8Array(100_000).fill(9)) : undefined,
};

const roads = new Crossroads(0);
after(() => roads[Symbol.dispose]());
let port = 5100;

/**
 * Loses, doubles and delays some packets: by their number, the same each time. What is sent has a mark of
 * its own: the usual one would pass by the queue that translates.
 */
function badWay(
  packet: Packet,
  { count, sender }: { count: number; sender: PacketSender },
): Verdict | void {
  if (count % 97 === 13) return Verdict.Drop;
  if (count % 89 === 7) sender.send(finishChecksums(packet.payload));
  if (count % 61 !== 5) return Verdict.Accept;
  packet.hold();
  setTimeout(() => {
    if (packet.verdict === undefined) packet.accept();
  }, 4);
}

for (const bad of [false, true]) {
  for (const [name, transform] of Object.entries(KINDS)) {
    // A made acknowledgment stands for everything there: nothing of the way is tried.
    if (bad && name === "nothing at all") continue;
    test(`${name}, 2 MB each way${bad ? ", a bad way" : ""}`, limit, async () => {
      const serverPort = port++;
      const [number, other] = [nextQueue(), nextQueue()];
      const [up, down] = [new Recorded(transform), new Recorded(transform)];
      const ends: string[] = [];
      const streams = new TcpStreams({
        connection: () => ({
          fromClient: up.callback,
          fromServer: down.callback,
          end: (reason) => ends.push(reason),
        }),
        hold: { milliseconds: 5000 },
      });
      const rules: Rule[] = [
        ...TcpStreams.rules({
          ...{ serverPort, path: "forward", queue: number },
          device: roads.leftCable.device,
        }),
      ];
      if (bad) rules.push({ hook: "forward", protocol: "tcp", queue: other });
      using queue = PacketQueue.open(number, { gso: true, warn: false });
      using way = PacketQueue.open(other, { gso: false, warn: false });
      using _rules = RuleSet.install(rules);
      using sender = PacketSender.open({ mark: 0x77 });
      const abort = new AbortController();
      let count = 0;
      const running = [
        queue.run(streams.handler, { signal: abort.signal }),
        way.run((packet) => badWay(packet, { count: count++, sender }), { signal: abort.signal }),
      ];
      const host = roads.rightCable.farAddress;
      const words = (seed: number) => [host, serverPort, SIZE, seed];
      await using server = new Child(peer, {
        ...{ prefix: roads.right.prefix, parameters: ["server", ...words(13)] },
      });
      await server.says("ready");
      await using client = new Child(peer, {
        ...{ prefix: roads.left.prefix, parameters: ["client", ...words(7)] },
      });
      await Promise.all([client.end(60_000), server.end(60_000)]);
      assert.equal(client.output.trim(), down.line);
      assert.equal(server.output.replace("ready", "").trim(), up.line);
      await until(() => ends.length > 0, { what: "the connection has ended" });
      assert.deepEqual(ends, ["closed"]);
      assert.equal(streams.statistics.unsent, 0);
      if (bad) assert.ok(count > 500, `${count} packets on the bad way`);
      streams.close();
      assert.equal(streams.statistics.bytes, 0);
      abort.abort();
      await Promise.all(running);
    });
  }
}
