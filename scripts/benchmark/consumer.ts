/** PacketQueue with the options, the measuring window and the result line of consumer.h. */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";

const { values: options } = parseArgs({
  options: {
    mode: { type: "string", short: "m", default: "runSync" },
    queue: { type: "string", short: "q", default: "0" },
    range: { type: "string", short: "r", default: "65531" },
    verdict: { type: "string", short: "v", default: "accept" },
    warmUp: { type: "string", short: "w", default: "0.3" },
    seconds: { type: "string", short: "s", default: "1.5" },
    limit: { type: "string", short: "n", default: "0" },
    gso: { type: "boolean", short: "g", default: false },
  },
});
const verdict = options.verdict === "drop" ? Verdict.Drop : Verdict.Accept;
const warmUp = Number(options.warmUp) * 1000;
const duration = Number(options.seconds) * 1000;
const limit = Number(options.limit) || Infinity;

const cpuMicroseconds = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

let packets = 0;
let nextLook = 0;
let first = 0;
let done = false;
let start: { packets: number; time: number; cpu: number } | undefined;
const stop = new AbortController();

/** Counts a decided packet; looks at the clock now and then only. */
function count(): void {
  if (++packets >= nextLook) look();
}

function look(): void {
  nextLook = packets + 64;
  const time = performance.now();
  first ||= time;
  if (!start) {
    if (time - first >= warmUp) start = { packets, time, cpu: cpuMicroseconds() };
    return;
  }
  if (done || (time - start.time < duration && packets - start.packets < limit)) return;
  done = true;
  const cpuNs = (cpuMicroseconds() - start.cpu) * 1000;
  const seconds = (time - start.time) / 1000;
  console.log(JSON.stringify({ packets: packets - start.packets, seconds, cpuNs }));
  stop.abort();
}

const decide = () => {
  count();
  return verdict;
};

/** What a filter does: looks into the packet. */
const read = (packet: Packet) => {
  count();
  return packet.udp?.destinationPort === 9999 ? verdict : Verdict.Accept;
};

function runSync(queue: PacketQueue, handler: (packet: Packet) => Verdict): void {
  while (!done) queue.runSync(handler, { maxPackets: 4096 });
}

const modes: Record<string, (queue: PacketQueue) => void | Promise<void>> = {
  runSync: (queue) => runSync(queue, decide),
  runSyncReading: (queue) => runSync(queue, read),
  run: (queue) => queue.run(decide, { signal: stop.signal }),
  runAsync: (queue) =>
    queue.run(async () => {
      await null; // a handler that is async for a reason
      return decide();
    }, { signal: stop.signal }),
  async forAwait(queue) {
    for await (const packet of queue) {
      if (verdict === Verdict.Drop) packet.drop();
      else packet.accept();
      count();
      if (done) break;
    }
  },
};

const mode = modes[options.mode];
if (!mode) throw new TypeError(`no mode ${options.mode}: ${Object.keys(modes).join(", ")}`);
using queue = PacketQueue.open(Number(options.queue), {
  copyRange: Number(options.range),
  gso: options.gso,
});
console.log("ready");
await mode(queue);
