/**
 * Refuses TCP and UDP packets to some ports, so that clients hear it at once. All others pass.
 *
 *     sudo iptables -A OUTPUT -m mark ! --mark 0x6e667101 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/reject_by_port.ts --port 25 --port 587
 *     sudo bun examples/reject_by_port.ts --port 25 --reason admin-prohibited
 *
 * The mark is that of the answers, which leave by OUTPUT too. `iptables -D OUTPUT …` removes the rule;
 * `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import { PacketQueue, type RejectReason, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    port: { type: "string", multiple: true, default: ["25"] },
    // Without it: a reset for TCP, "port-unreachable" for UDP.
    reason: { type: "string" },
  },
});
const ports = new Set(values.port.map((port) => {
  const number = Number(port);
  if (!(number >= 0 && number <= 65535)) throw new RangeError(`no port: ${port}`);
  return number;
}));
// reject() checks the word.
const reason = values.reason as RejectReason | undefined;

using queue = PacketQueue.open(Number(values.queue), { copyRange: 1280 });
await queue.run((packet) => {
  const port = (packet.tcp ?? packet.udp)?.destinationPort;
  if (port === undefined || !ports.has(port)) return Verdict.Accept;
  packet.reject({ reason });
});
