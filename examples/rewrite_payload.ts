/**
 * Replaces a word in UDP packets by another one, which may be shorter or longer.
 *
 *     sudo iptables -A OUTPUT -p udp --dport 9999 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/rewrite_payload.ts
 *     sudo bun examples/rewrite_payload.ts
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { PacketQueue } from "@nfqueue/nfqueue";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });
const from = Buffer.from("cat");
const to = Buffer.from("horse");

// Without gso every packet is one datagram, not several to be split later.
using queue = PacketQueue.open(Number(values.queue), { gso: false });
await queue.run((packet) => {
  const { udp } = packet;
  const data = Buffer.from(udp?.payload ?? []);
  const at = data.indexOf(from);
  // A fragment is left alone: its header tells the length of the whole datagram.
  if (udp && at >= 0 && udp.length === 8 + data.length) {
    udp.payload = Buffer.concat([data.subarray(0, at), to, data.subarray(at + from.length)]);
  }
  packet.accept();
});
