// Answers DNS questions for some names itself: there is no such name (NXDOMAIN).
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { dnsQuestions } from "@nfqueue/nfqueue/identify";
import { buildPacket } from "@nfqueue/nfqueue/packet";

const NAMES = new Set(["ads.example.net", "example.org"]);

/** Whether the name, or one above it, is listed. */
const isBlocked = (name: string) =>
  name.split(".").some((_, at, labels) => NAMES.has(labels.slice(at).join(".")));

/** The answer to a query with one question: its header and its question, and nothing behind them. */
function noSuchName(query: Uint8Array): Uint8Array {
  let end = 12;
  while (query[end]) end += query[end]! + 1; // label by label
  const answer = query.slice(0, end + 5);
  answer[2] = 0x80 | (query[2]! & 0x01); // an answer, with the query's "recursion desired"
  answer[3] = 0x83; // recursion available; NXDOMAIN
  answer.fill(0, 6, 12); // no records
  return answer;
}

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "udp", destinationPort: 53 },
  options: { gso: false },
  packet(packet) {
    const { ip, udp } = packet;
    const query = udp && dnsQuestions(udp.payload);
    if (!ip || !udp || query?.status !== "found") return Verdict.Accept;
    const isQuery = (udp.payload[2]! & 0xf8) === 0; // no answer, no update
    if (!isQuery || query.questions.length !== 1 || !isBlocked(query.questions[0]!.name)) {
      return Verdict.Accept;
    }
    packet.answer(buildPacket({
      ip: { source: ip.destination, destination: ip.source },
      udp: { sourcePort: udp.destinationPort, destinationPort: udp.sourcePort },
      payload: noSuchName(udp.payload),
    }));
  },
});
