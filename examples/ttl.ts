/**
 * Sets how many hops packets may still go: the time to live of IPv4, the hop limit of IPv6.
 *
 *     sudo iptables -A OUTPUT -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/ttl.ts --ttl 64
 *     sudo bun examples/ttl.ts --ttl 64
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6, whose neighbour
 * discovery is left alone: it works with a hop limit of 255 only (RFC 4861).
 */

import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    ttl: { type: "string", default: "64" },
  },
});
const ttl = Number(values.ttl);
if (!(ttl >= 1 && ttl <= 255)) throw new RangeError(`no time to live: ${values.ttl}`);

// A packet that is changed goes back whole, so all of it is captured.
using queue = PacketQueue.open(Number(values.queue));
await queue.run(({ ip, icmpv6 }) => {
  const discovery = icmpv6 && icmpv6.type >= 133 && icmpv6.type <= 137;
  if (ip && !discovery && ip.ttl !== ttl) ip.ttl = ttl;
  return Verdict.Accept;
});
