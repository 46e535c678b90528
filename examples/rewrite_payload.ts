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
import { finishChecksums } from "@nfqueue/nfqueue/wire";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });
const from = Buffer.from("cat");
const to = Buffer.from("horse");
const growth = to.length - from.length;

// Without gso every packet is one datagram, not several to be split later.
using queue = PacketQueue.open(Number(values.queue), { gso: false });
await queue.run((packet) => {
  const { payload, ipv4, ipv6, udp } = packet;
  const at = Buffer.from(udp?.payload ?? []).indexOf(from);
  // A fragment is left alone: its header tells the length of the whole datagram.
  if (udp && at >= 0 && udp.length === 8 + udp.payload.length) {
    const start = udp.payload.byteOffset - payload.byteOffset;
    const tail = payload.subarray(start + at + from.length);
    const bytes = Buffer.concat([payload.subarray(0, start + at), to, tail]);
    bytes.writeUInt16BE(udp.length + growth, start - 4);
    if (ipv4) bytes.writeUInt16BE(ipv4.totalLength + growth, 2);
    if (ipv6) bytes.writeUInt16BE(ipv6.payloadLength + growth, 4);
    packet.replacePayload(finishChecksums(bytes));
  }
  packet.accept();
});
