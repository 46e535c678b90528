/** TcpStreams over one queue, in one of the ways that streams.ts measures. */
import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "../../mod.ts";
import { TcpStreams } from "../../src/streams/mod.ts";

const { values: options } = parseArgs({
  options: {
    mode: { type: "string", short: "m", default: "follow" },
    queue: { type: "string", short: "q", default: "0" },
    seconds: { type: "string", short: "s" },
  },
});
const TEN = new Uint8Array(new ArrayBuffer(10)).fill(0x2b);

/** What is returned is copied before the next call. */
let memory = new Uint8Array(new ArrayBuffer(0x20000));

function longer(data: Uint8Array): Uint8Array {
  const length = data.length + TEN.length;
  if (length > memory.length) memory = new Uint8Array(new ArrayBuffer(2 * length));
  memory.set(data);
  memory.set(TEN, data.length);
  return memory.subarray(0, length);
}

const modes: Record<string, () => (packet: Parameters<TcpStreams["handler"]>[0]) => Verdict> = {
  accept: () => () => Verdict.Accept,
  follow: () =>
    new TcpStreams({
      connection: () => ({ fromClient: () => {}, fromServer: () => {}, borrowed: true }),
    }).handler,
  // Its windows go on as they are, and so do its packets.
  wide: () =>
    new TcpStreams({
      limits: { connectionBytes: 64 << 20 },
      connection: () => ({ fromClient: () => {}, fromServer: () => {}, borrowed: true }),
    }).handler,
  passed: () => new TcpStreams({ connection: () => undefined }).handler,
  passing: () =>
    new TcpStreams({
      connection: () => ({ fromClient: (_, { connection }) => connection.pass() }),
    }).handler,
  longer: () => {
    // The first connection of each iperf3 is its control connection, which must stay as it is.
    let connections = 0;
    return new TcpStreams({
      connection: () =>
        ++connections % 2 === 1 ? undefined : { fromClient: longer, borrowed: true },
    }).handler;
  },
};
const handler = modes[options.mode]?.();
if (handler === undefined) throw new TypeError(`no mode ${options.mode}`);
using queue = PacketQueue.open(Number(options.queue), { gso: true });
console.log("ready");
await queue.run(handler);
