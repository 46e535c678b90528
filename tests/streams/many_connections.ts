/**
 * Many connections at once through `TcpStreams` on loopback, in rounds, and the memory that they take.
 *
 * @module
 */

import process from "node:process";
import { PacketQueue, RuleSet } from "../../mod.ts";
import { TcpStreams, type TcpStreamsStatistics } from "../../src/streams/mod.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child, collectGarbage, residentMemory } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";

/** Bytes that a client sends on each; ten more come back. */
const SIZE = 1000;
const script = new URL("fixtures/many.ts", import.meta.url);

/** Bytes that this process has after garbage was collected. */
export interface Memory {
  readonly heap: number;
  readonly resident: number;
}

/** What a round was seen to take. */
export interface ManyRound {
  /** While all connections are open. */
  readonly open: TcpStreamsStatistics;
  readonly openMemory: Memory;
  /** After all have ended; the table may have some still, which are translated for ten seconds. */
  readonly ended: TcpStreamsStatistics;
  readonly endedMemory: Memory;
  readonly seconds: number;
}

async function memory(): Promise<Memory> {
  await collectGarbage();
  return { heap: process.memoryUsage().heapUsed, resident: residentMemory() };
}

/**
 * Opens so many connections, asks once on each, closes them, and again.
 *
 * @param options connections at once, how often, and the port of the server
 */
export async function manyConnections(
  options: { readonly count: number; readonly rounds: number; readonly port: number },
): Promise<ManyRound[]> {
  const { count, rounds, port } = options;
  let ends = 0;
  const head = new TextEncoder().encode("ten bytes!");
  using streams = new TcpStreams({
    connection: () => {
      let first = true;
      return {
        fromClient: (data) => {
          if (!first) return;
          first = false;
          const longer = new Uint8Array(data.length + head.length);
          longer.set(head);
          longer.set(data, head.length);
          return longer;
        },
        fromServer: () => undefined,
        end: () => ends++,
      };
    },
    limits: { connections: count },
  });
  const number = nextQueue();
  using queue = PacketQueue.open(number, { gso: false, warn: false });
  using _rules = RuleSet.install(
    TcpStreams.rules({ serverPort: port, path: "loopback", family: "ipv4", queue: number }),
  );
  const abort = new AbortController();
  const running = queue.run(streams.handler, { signal: abort.signal });
  const seen: ManyRound[] = [];
  try {
    await using server = new Child(script, { parameters: ["server", port] });
    await server.says("ready");
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const before = ends;
      await using client = new Child(script, {
        parameters: ["client", port, count, SIZE, SIZE + head.length],
      });
      const timeout = 10_000 + count * 20;
      await until(() => client.output !== "", { what: "all are open", timeout });
      if (client.output.trim() !== `open ${count}`) throw new Error(client.output);
      const open = streams.statistics;
      const openMemory = await memory();
      client.kill("SIGUSR1");
      await client.end(timeout);
      await until(() => ends - before === count, {
        ...{ what: "all have ended", timeout, state: () => streams.statistics },
      });
      const endedMemory = await memory();
      const seconds = (performance.now() - start) / 1000;
      seen.push({ open, openMemory, ended: streams.statistics, endedMemory, seconds });
    }
  } finally {
    abort.abort();
    await running;
  }
  return seen;
}
