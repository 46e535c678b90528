/** PacketQueue, or libipq(3) over NFQUEUE, with the options, the measuring window and the result line of consumer.h. */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import {
  IPQ_COPY_PACKET,
  ipq_create_handle,
  ipq_get_packet,
  ipq_message_type,
  ipq_read,
  ipq_set_mode,
  ipq_set_verdict,
  IpqHandle,
  IPQM_PACKET,
  NFPROTO_IPV4,
} from "../../src/ipq/mod.ts";

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
const LOOPBACK = 0x7f000001;
const REPLACEMENT = new Uint8Array(new ArrayBuffer(72)).fill(0x72);
/** For what the sender does not send: a flow that is read wrongly shows in what arrives. */
const OTHERS = verdict === Verdict.Drop ? Verdict.Accept : Verdict.Drop;

let packets = 0;
let nextLook = 0;
let first = 0;
let done = false;
let start: { packets: number; time: number; cpu: NodeJS.CpuUsage } | undefined;
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
    if (time - first >= warmUp) start = { packets, time, cpu: process.cpuUsage() };
    return;
  }
  if (done || (time - start.time < duration && packets - start.packets < limit)) return;
  done = true;
  const { user, system } = process.cpuUsage(start.cpu);
  const result = {
    packets: packets - start.packets,
    seconds: (time - start.time) / 1000,
    cpuNs: (user + system) * 1000,
    userNs: user * 1000,
  };
  console.log(JSON.stringify(result));
  stop.abort();
}

const decide: (packet: Packet) => Verdict = () => {
  count();
  return verdict;
};

/** What a filter does: looks into the packet. */
const read = (packet: Packet) => {
  count();
  return packet.udp?.destinationPort === 9999 ? verdict : Verdict.Accept;
};

/** Takes the packet's bytes. */
const readPayload = ({ payload }: Packet) => {
  count();
  return payload[0] === 0x45 ? verdict : OTHERS;
};

/** Decides by all of the five-tuple. */
const readFlow = ({ flow }: Packet) => {
  count();
  return flow !== undefined && flow.protocol === 17 && flow.sourceNumber === LOOPBACK &&
      flow.destinationNumber === LOOPBACK && flow.sourcePort !== 53 &&
      flow.destinationPort === 9999
    ? verdict
    : OTHERS;
};

/** Keeps what belongs to a connection. */
const counts = new Map<string, { packets: number }>();
const countFlow = ({ flow }: Packet) => {
  count();
  if (flow === undefined) return OTHERS;
  const { key } = flow;
  const entry = counts.get(key);
  if (entry === undefined) counts.set(key, { packets: 1 });
  else entry.packets++;
  return verdict;
};

/** Another port and a longer payload, as in consumer.h. */
const rewrite = (packet: Packet) => {
  count();
  const { udp } = packet;
  if (udp?.destinationPort !== 9999) return Verdict.Accept;
  udp.destinationPort = 9998;
  udp.payload = REPLACEMENT;
  return Verdict.Accept;
};
const handler = options.verdict === "rewrite" ? rewrite : decide;

function runSync(queue: PacketQueue, handler: (packet: Packet) => Verdict): void {
  while (!done) queue.runSync(handler, { maxPackets: 4096 });
}

const modes: Record<string, (queue: PacketQueue) => void | Promise<void>> = {
  runSync: (queue) => runSync(queue, handler),
  runSyncReading: (queue) => runSync(queue, read),
  runSyncPayload: (queue) => runSync(queue, readPayload),
  runSyncFlow: (queue) => runSync(queue, readFlow),
  runSyncFlowMap: (queue) => runSync(queue, countFlow),
  run: (queue) => queue.run(handler, { signal: stop.signal }),
  runAsync: (queue) =>
    queue.run(async (packet) => {
      await null; // a handler that is async for a reason
      return handler(packet);
    }, { signal: stop.signal }),
  async forAwait(queue) {
    for await (const packet of queue) {
      if (handler(packet) === Verdict.Drop) packet.drop();
      else packet.accept();
      if (done) break;
    }
  },
};

const number = Number(options.queue);
const range = Number(options.range);
/** A whole ip_queue message. */
const buffer = new Uint8Array(range + 256);

/** The programs of libipq(3), written as the manual page has them. */
const libipqModes: Record<string, () => void> = {
  ipqFunctions() {
    const handle = ipq_create_handle(0, NFPROTO_IPV4, { transport: "nfqueue", queue: number });
    ipq_set_mode(handle, IPQ_COPY_PACKET, range);
    console.log("ready");
    while (!done) {
      if (ipq_read(handle, buffer, buffer.length, 0) <= 0) continue; // the socket was full
      if (ipq_message_type(buffer) !== IPQM_PACKET) continue;
      const packet = ipq_get_packet(buffer)!;
      ipq_set_verdict(handle, packet.packetId, verdict, 0, null);
      count();
    }
  },
  ipqClass() {
    using handle = IpqHandle.create(0, NFPROTO_IPV4, { transport: "nfqueue", queue: number });
    handle.setMode(IPQ_COPY_PACKET, range);
    console.log("ready");
    while (!done) {
      try {
        handle.read(buffer);
      } catch {
        continue; // the socket was full
      }
      const packet = IpqHandle.getPacket(buffer);
      if (packet === null) continue;
      handle.setVerdict(packet.packetId, verdict);
      count();
    }
  },
};

const libipqMode = libipqModes[options.mode];
if (libipqMode) {
  libipqMode();
  process.exit();
}

const mode = modes[options.mode];
if (!mode) throw new TypeError(`no mode ${options.mode}: ${Object.keys(modes).join(", ")}`);
using queue = PacketQueue.open(number, {
  copyRange: range,
  gso: options.gso,
});
console.log("ready");
await mode(queue);
