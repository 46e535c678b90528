/**
 * Answers DNS queries of this machine for some names itself: with the address given, else with
 * 0.0.0.0 and ::, which lead nowhere. A name stands for the ones below it too. The query turns around
 * and becomes the answer: no server ever sees it. Needs dns-packet (`npm install dns-packet`).
 *
 *     sudo iptables -A OUTPUT -p udp --dport 53 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/dns_filter.ts ads.example.net nas.home=192.168.1.9
 *     sudo bun examples/dns_filter.ts ads.example.net nas.home=192.168.1.9
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6. Queries over
 * TCP, TLS and HTTPS do not come by here.
 */

import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import * as dns from "dns-packet";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values, positionals } = parseArgs({
  options: { queue: { type: "string", default: "0" } },
  allowPositionals: true,
});
if (positionals.length === 0) throw new RangeError("no names are given");
/** What the names lead to. */
const table = new Map<string, readonly string[]>();
for (const word of positionals) {
  const [name = "", address] = word.toLowerCase().split("=");
  if (address !== undefined && isIP(address) === 0) throw new RangeError(`no address: ${word}`);
  table.set(name, address === undefined ? ["0.0.0.0", "::"] : [...table.get(name) ?? [], address]);
}

/** Bits of the flags that are 0 in an ordinary query. */
const OPCODE = 0x7800;

// Without gso every packet is one datagram.
using queue = PacketQueue.open(Number(values.queue), { gso: false });
await queue.run(({ ip, udp }) => {
  // A fragment is left alone: the rest of the query is elsewhere.
  if (!ip || !udp || udp.length !== 8 + udp.payload.length) return Verdict.Accept;
  const answer = answerTo(Buffer.from(udp.payload));
  if (answer) {
    [ip.source, ip.destination] = [ip.destination, ip.source];
    [udp.sourcePort, udp.destinationPort] = [udp.destinationPort, udp.sourcePort];
    udp.payload = answer;
  }
  return Verdict.Accept;
});

/** The answer to a query for a name of the table. What is something else, or broken, has none. */
function answerTo(data: Buffer): Buffer | undefined {
  try {
    const { type, id, flags = 0, questions } = dns.decode(data);
    const question = questions?.[0];
    if (type !== "query" || (flags & OPCODE) !== 0 || question?.class !== "IN") return undefined;
    const { name, type: kind } = question;
    const addresses = addressesOf(name);
    if (!addresses) return undefined;
    const answers = addresses.filter((address) => kind === (isIP(address) === 4 ? "A" : "AAAA"))
      .map((address): dns.Answer => ({ name, type: kind as "A" | "AAAA", ttl: 60, data: address }));
    console.log(`answer  ${kind} ${JSON.stringify(name)}: ${answers.length}`);
    return dns.encode({
      ...{ type: "response", id, questions, answers },
      flags: (flags & dns.RECURSION_DESIRED) | dns.RECURSION_AVAILABLE,
    });
  } catch {
    return undefined; // not DNS, as dns-packet sees it
  }
}

/** Those of the name or of the nearest one above it. */
function addressesOf(name: string): readonly string[] | undefined {
  const labels = name.toLowerCase().split(".");
  return labels.map((_, at) => table.get(labels.slice(at).join("."))).find((found) => found);
}
