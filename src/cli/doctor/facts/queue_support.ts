// What the kernel can do with queues, by asking it: one is bound on a number that nobody uses, and let go.
import { libc } from "../../../../ffi/libraries/libc.ts";
import { SystemError } from "../../../linux/errno.ts";
import { readSystemFile } from "../../../linux/files.ts";
import { NetlinkSocket } from "../../../linux/netlink_socket.ts";
import { encodeConfig, type QueueConfig } from "../../../netlink/queue/config.ts";
import { FLAG_BITS } from "../../../nfqueue/flags.ts";
import { NetfilterSocket, openNetfilter } from "../../../rules/nft/netfilter_socket.ts";
import type { QueueSupport, ReceiveBufferFact } from "../terms/facts.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** PacketQueue's default, in bytes. */
const RECEIVE_BUFFER = 4 << 20;
/** Numbers that are tried, where the table of queues is hidden. */
const TRIES = 4;
const LAST_NUMBER = 0xffff;

/**
 * Asks the kernel.
 *
 * @param used numbers that have an owner or that a rule names: a bound queue without a copy mode drops
 * what comes, so none of these is touched
 */
export function queueSupport(used: ReadonlySet<number>): QueueSupport {
  let descriptor: number;
  try {
    descriptor = openNetfilter();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { bind: error.errno, flags: {}, receiveBuffer: undefined };
  }
  try {
    const socket = new NetfilterSocket(descriptor);
    return { ...ask(socket, used), receiveBuffer: measureBuffer(descriptor) };
  } finally {
    libc().close(descriptor);
  }
}

function ask(
  socket: NetfilterSocket,
  used: ReadonlySet<number>,
): Pick<QueueSupport, "bind" | "flags"> {
  const configure = (config: QueueConfig) =>
    socket.ask((sequence) => encodeConfig({ ...config, sequence, acknowledge: true }));
  let bind = 0;
  let number = LAST_NUMBER;
  for (let tries = 0; tries < TRIES; tries++, number--) {
    while (used.has(number)) number--;
    bind = configure({ queue: number, command: "bind" });
    if (bind === 0) break;
  }
  if (bind !== 0) return { bind, flags: {} };
  const flags = Object.entries(FLAG_BITS).map(([name, bit]) =>
    [name, configure({ queue: number, flags: bit, mask: bit })] as const
  );
  return { bind, flags: Object.fromEntries(flags) };
}

/** As PacketQueue sets it. */
function measureBuffer(descriptor: number): ReceiveBufferFact {
  new NetlinkSocket(descriptor).setReceiveBuffer(RECEIVE_BUFFER);
  const value = new DataView(new ArrayBuffer(4));
  const length = new Uint8Array(new Uint32Array([4]).buffer);
  libc().getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, new Uint8Array(value.buffer), length);
  const { text } = readSystemFile("/proc/sys/net/core/rmem_max");
  return {
    wanted: RECEIVE_BUFFER,
    // The kernel doubles what it is asked for, to make room for its own book-keeping.
    got: value.getInt32(0, true) / 2,
    most: text === undefined ? undefined : Number(text),
  };
}
