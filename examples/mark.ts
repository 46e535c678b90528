/**
 * Marks packets, so that later rules, tc and policy routing can tell them apart.
 *
 *     sudo iptables -t mangle -A OUTPUT -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/mark.ts
 *     sudo bun examples/mark.ts
 *
 * Then, for example, DNS takes another way: `ip rule add fwmark 0x35 lookup 100`.
 * `iptables -t mangle -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import { PacketQueue } from "@nfqueue/nfqueue";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });

const dns = 0x35;
/** Only the lowest four bits are ours: whoever uses the other ones finds them as they were. */
const small = { value: 0x1, mask: 0xf };
const large = { value: 0x2, mask: 0xf };

using queue = PacketQueue.open(Number(values.queue), { copyRange: 128 });
await queue.run((packet) => {
  const transport = packet.tcp ?? packet.udp;
  if (transport?.destinationPort === 53) packet.accept({ mark: dns });
  else packet.accept({ mark: packet.length <= 128 ? small : large });
});
