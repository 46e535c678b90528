/**
 * A DNS cache: what a server has answered is answered from memory, until its time is over.
 *
 *     sudo nfqueue run examples/dns_cache.ts      (needs dns-packet: npm install dns-packet)
 */
import { Buffer } from "node:buffer";
import * as dns from "dns-packet";
import { defineFilter, type Filter, Verdict } from "@nfqueue/nfqueue";
import { buildPacket } from "@nfqueue/nfqueue/packet";

function decode(bytes: Uint8Array = new Uint8Array()): Partial<dns.DecodedPacket> {
  try {
    return dns.decode(Buffer.from(bytes));
  } catch {
    return {}; // not DNS
  }
}
const lifeOf = (record: dns.Answer) => "ttl" in record ? record.ttl ?? 0 : 0;
/** Makes the filter. `now` is a clock, in seconds. */
export function dnsCache(now: () => number = () => performance.now() / 1000): Filter {
  const asked = new Map<string, string>(); // by connection and number: nobody else can answer
  const kept = new Map<string, { flags: number; answers: dns.Answer[]; at: number }>();
  return defineFilter({
    rules: [
      { hook: "output", protocol: "udp", destinationPort: 53 },
      { hook: "input", protocol: "udp", sourcePort: 53 },
    ],
    options: { gso: false }, // every packet is one datagram
    packet(packet) {
      const { ip, udp, flow } = packet;
      const { id, type, flags = 0, questions = [], answers = [] } = decode(udp?.payload);
      const [question] = questions;
      if (!ip || !udp || !flow || !question || questions.length > 1) return Verdict.Accept;
      if (type === "response") {
        const number = `${flow.reversed().directedKey} ${id}`;
        const key = asked.get(number);
        const good = (flags & 0x020f) === 0 && answers.length > 0; // whole, and no error
        if (asked.delete(number) && key && good) kept.set(key, { flags, answers, at: now() });
        return Verdict.Accept;
      }
      const key = JSON.stringify([ip.destination, question]).toLowerCase();
      const known = kept.get(key);
      const age = Math.floor(now() - (known?.at ?? 0));
      if (!known?.answers.every((record) => lifeOf(record) > age)) {
        for (const map of [asked, kept]) if (map.size > 10_000) map.clear();
        asked.set(`${flow.directedKey} ${id}`, key);
        return Verdict.Accept;
      }
      const aged = known.answers.map((one) => ({ ...one, ttl: lifeOf(one) - age }) as dns.Answer);
      const head = { id, flags: known.flags, questions };
      packet.answer(buildPacket({
        ip: { source: ip.destination, destination: ip.source },
        udp: { sourcePort: udp.destinationPort, destinationPort: udp.sourcePort },
        payload: dns.encode({ type: "response", ...head, answers: aged }),
      }));
    },
  });
}
export default dnsCache();
