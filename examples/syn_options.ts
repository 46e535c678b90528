/**
 * Changes what TCP connections agree on: lowers the maximum segment size, as tunnels need it, and
 * takes out the timestamps, which tell how long a machine has been up.
 *
 *     sudo iptables -A OUTPUT -p tcp --tcp-flags SYN SYN -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/syn_options.ts --mss 1200
 *     sudo bun examples/syn_options.ts --mss 1200
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    mss: { type: "string", default: "1200" },
  },
});
const mss = Number(values.mss);
if (!(mss >= 64 && mss <= 65535)) throw new RangeError(`no segment size: ${values.mss}`);

using queue = PacketQueue.open(Number(values.queue));
await queue.run((packet) => {
  const { tcp } = packet;
  if (tcp?.syn) {
    if ((tcp.mss ?? mss + 1) > mss) tcp.mss = mss;
    tcp.timestamps = undefined;
    console.log(`${packet.ip?.source} > ${packet.ip?.destination}: mss ${tcp.mss}`);
  }
  return Verdict.Accept;
});
