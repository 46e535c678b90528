/**
 * Replaces a word by another one of the same length in HTTP that is not encrypted, both ways.
 *
 *     sudo iptables -A OUTPUT -p tcp --dport 80 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo iptables -A INPUT -p tcp --sport 80 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/http_rewrite.ts --from cat --to dog
 *     sudo bun examples/http_rewrite.ts --from cat --to dog
 *
 * `iptables -D …` removes the rules; `ip6tables` takes the same words for IPv6. Data of another
 * length would shift TCP's sequence numbers. A word that two packets share is not found, nor is one
 * in compressed content.
 */

import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    from: { type: "string", default: "cat" },
    to: { type: "string", default: "dog" },
  },
});
const from = Buffer.from(values.from);
const to = Buffer.from(values.to);
if (from.length === 0 || from.length !== to.length) {
  throw new RangeError(`not of one length: ${values.from} and ${values.to}`);
}

using queue = PacketQueue.open(Number(values.queue));
await queue.run(({ tcp }) => {
  if (!tcp) return Verdict.Accept;
  const data = Buffer.from(tcp.payload);
  let found = false;
  for (let at = data.indexOf(from); at >= 0; at = data.indexOf(from, at + to.length)) {
    data.set(to, at);
    found = true;
  }
  if (found) tcp.payload = data;
  return Verdict.Accept;
});
