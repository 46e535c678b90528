// The part of scripts/long_streams that runs in the private namespaces.
import process from "node:process";
import { type Packet, PacketQueue, PacketSender, RuleSet, Verdict } from "../../mod.ts";
import { finishChecksums } from "../../src/packet/mod.ts";
import { TcpStreams } from "../../src/streams/mod.ts";
import { manyConnections } from "../../tests/streams/many_connections.ts";
import { joined, Recorded, type Transform } from "../../tests/streams/recorded.ts";
import { Crossroads } from "../../tests/support/network/crossroads.ts";
import { requireIsolation } from "../../tests/support/network/isolation.ts";
import { Child } from "../../tests/support/runtime/child.ts";

requireIsolation();

const SIZE = 100_000_000;
const LONGEST = 900_000;
const CONNECTIONS = 10_000;
/** Bytes that the third round may have more than the second. */
const MARGIN = 16 << 20;
const peer = new URL("../../tests/streams/fixtures/peer.ts", import.meta.url);
const QUEUE = { streams: 1, way: 2 } as const;
/** Not the usual mark of our own packets: that would pass by the queue that translates. */
const DOUBLED = 0x77;

const longer: Transform = (data, _, call) => joined(data, new Uint8Array(10).fill(call));
const shorter: Transform = (data) => data.subarray(0, data.length - (data.length >> 4));

let failed = false;
function report(name: string, right: boolean, words: string): void {
  console.log(`${right ? "ok   " : "WRONG"} ${name}: ${words}`);
  if (!right) failed = true;
}

/** Drops, doubles and holds some packets, by their number. */
class BadWay {
  #count = 0;
  readonly seen = { dropped: 0, doubled: 0, held: 0 };
  readonly #sender: PacketSender;

  constructor(sender: PacketSender) {
    this.#sender = sender;
  }

  readonly handler = (packet: Packet): Verdict | void => {
    const count = this.#count++;
    if (count % 997 === 13) {
      this.seen.dropped++;
      return Verdict.Drop;
    }
    if (count % 889 === 7) {
      this.seen.doubled++;
      this.#sender.send(finishChecksums(packet.payload));
    }
    if (count % 611 !== 5) return Verdict.Accept;
    this.seen.held++;
    packet.hold();
    setTimeout(() => {
      if (packet.verdict === undefined) packet.accept();
    }, 4);
  };
}

/** One connection, both ways at once. */
async function transfer(name: string, roads: Crossroads | undefined): Promise<void> {
  const port = roads === undefined ? 5001 : 5002;
  const [up, down] = [new Recorded(longer), new Recorded(shorter)];
  const ends: string[] = [];
  using streams = new TcpStreams({
    connection: () => ({
      fromClient: up.callback,
      fromServer: down.callback,
      end: (reason) => ends.push(reason),
    }),
  });
  using stack = new DisposableStack();
  const queue = stack.use(
    PacketQueue.open(QUEUE.streams, { gso: roads !== undefined, warn: false }),
  );
  const abort = new AbortController();
  const { signal } = abort;
  const running = [queue.run(streams.handler, { signal })];
  const of = { serverPort: port, queue: QUEUE.streams } as const;
  let way: BadWay | undefined;
  if (roads === undefined) {
    stack.use(RuleSet.install(TcpStreams.rules({ ...of, path: "loopback" })));
  } else {
    way = new BadWay(stack.use(PacketSender.open({ mark: DOUBLED })));
    const second = stack.use(PacketQueue.open(QUEUE.way, { gso: false, warn: false }));
    running.push(second.run(way.handler, { signal }));
    stack.use(RuleSet.install([
      ...TcpStreams.rules({ ...of, path: "forward", device: roads.leftCable.device }),
      { hook: "forward", protocol: "tcp", queue: QUEUE.way },
    ]));
  }
  const host = roads?.rightCable.farAddress ?? "127.0.0.1";
  const words = (seed: number) => [host, port, SIZE, seed];
  const start = performance.now();
  await using server = new Child(peer, {
    ...{ prefix: roads?.right.prefix ?? [], parameters: ["server", ...words(13)] },
  });
  await server.says("ready");
  await using client = new Child(peer, {
    ...{ prefix: roads?.left.prefix ?? [], parameters: ["client", ...words(7)] },
  });
  await Promise.all([client.end(LONGEST), server.end(LONGEST)]);
  const seconds = (performance.now() - start) / 1000;
  abort.abort();
  await Promise.all(running);
  const equal = client.output.trim() === down.line &&
    server.output.replace("ready", "").trim() === up.line;
  const speed = (2 * SIZE * 8) / seconds / 1e6;
  const { unsent } = streams.statistics;
  const bad = way === undefined ? "" : `, ${JSON.stringify(way.seen)}`;
  report(
    name,
    equal && ends.join() === "closed" && unsent === 0,
    `${seconds.toFixed(1)} s, ${
      speed.toFixed(0)
    } Mbit/s in both ways together, unsent ${unsent}${bad}`,
  );
}

await transfer("100 MB each way, loopback", undefined);
{
  using roads = new Crossroads(0);
  await transfer("100 MB each way, a bad way", roads);
}
const rounds = await manyConnections({ count: CONNECTIONS, rounds: 3, port: 5003 });
const mega = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
for (const [at, { open, openMemory, ended, endedMemory, seconds }] of rounds.entries()) {
  report(
    `${CONNECTIONS} connections, round ${at + 1}`,
    open.connections === CONNECTIONS && ended.bytes === 0 && ended.unsent === 0,
    `${seconds.toFixed(1)} s; open: ${mega(open.bytes)} kept, heap ${mega(openMemory.heap)}, ` +
      `resident ${mega(openMemory.resident)}; ended: heap ${mega(endedMemory.heap)}, ` +
      `resident ${mega(endedMemory.resident)}`,
  );
}
const [, second, third] = rounds.map(({ endedMemory }) => endedMemory);
report(
  "memory after the third round",
  third!.heap <= second!.heap + MARGIN && third!.resident <= second!.resident + 2 * MARGIN,
  `heap ${mega(third!.heap - second!.heap)} more than after the second`,
);
process.exit(failed ? 1 : 0);
