/**
 * Drops TCP and UDP packets to one port and lets all others pass.
 *
 *     sudo iptables -A OUTPUT -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/drop_port.ts --port 25
 *     sudo bun examples/drop_port.ts --port 25
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    port: { type: "string", default: "25" },
  },
});
const port = Number(values.port);
if (!(port >= 0 && port <= 65535)) throw new RangeError(`no port: ${values.port}`);

// The headers are enough; what is accepted goes on whole.
using queue = PacketQueue.open(Number(values.queue), { copyRange: 128 });
await queue.run((packet) => {
  const transport = packet.tcp ?? packet.udp;
  return transport?.destinationPort === port ? Verdict.Drop : Verdict.Accept;
});
