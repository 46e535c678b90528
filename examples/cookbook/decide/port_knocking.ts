// Opens the SSH port only for those who knock: a packet to each of three ports, in order, in ten seconds.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const PORT = 22;
const KNOCKS = [7000, 8000, 9000];
const MILLISECONDS = 10_000; // for all knocks
const OPEN_MILLISECONDS = 30_000; // then new connections may begin
const MOST_SENDERS = 10_000;

/** By sender: how many knocks were right, and until when that counts. */
const senders = new Map<string, { knocks: number; until: number }>();

export default defineFilter({
  rules: { hook: "input", protocol: "tcp", destinationPort: [PORT, ...KNOCKS], state: "new" },
  options: { copyRange: 128 },
  packet({ ip, tcp }) {
    if (!ip || !tcp) return Verdict.Drop;
    const now = Date.now();
    const { destinationPort: port } = tcp;
    const { knocks, until } = senders.get(ip.source) ?? { knocks: 0, until: 0 };
    const right = until > now ? knocks : 0;
    if (port === PORT) return right === KNOCKS.length ? Verdict.Accept : Verdict.Drop;
    if (right > 0 && port === KNOCKS[right - 1]) return Verdict.Drop; // the same one sent again
    senders.delete(ip.source);
    if (port !== KNOCKS[right]) return Verdict.Drop; // wrong: from the start again
    const opens = right + 1 === KNOCKS.length;
    const begun = right === 0 ? now + MILLISECONDS : until;
    senders.set(ip.source, { knocks: right + 1, until: opens ? now + OPEN_MILLISECONDS : begun });
    if (senders.size > MOST_SENDERS) senders.delete(senders.keys().next().value!);
    return Verdict.Drop; // a knock is never answered
  },
});
