/**
 * Prints a line a packet, as tcpdump would, with device and sending user. Lets all of them pass.
 *
 *     sudo iptables -A OUTPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/log.ts
 *     sudo bun examples/log.ts
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import { PacketQueue } from "@nfqueue/nfqueue";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });

using queue = PacketQueue.open(Number(values.queue), { copyRange: 128, uidGid: true });
for await (const packet of queue) {
  const { hook, inDevice, outDevice, uid } = packet;
  const notes: string[] = [hook];
  if (inDevice) notes.push(`from ${inDevice.name}`);
  if (outDevice) notes.push(`to ${outDevice.name}`);
  if (uid !== undefined) notes.push(`uid ${uid}`);
  console.log(`accept  ${packet}  (${notes.join(", ")})`);
  packet.accept();
}
