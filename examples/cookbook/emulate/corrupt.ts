// Flips a bit in the data of one of ten UDP packets, with checksums that are right: how robust is the
// program that reads it?
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const SHARE = 0.1;

const upTo = (limit: number) => Math.floor(Math.random() * limit);

export default defineFilter({
  rules: { hook: "output", protocol: "udp", destinationPort: 5004 },
  options: { gso: false },
  packet({ udp }) {
    if (!udp?.payload.length || Math.random() >= SHARE) return Verdict.Accept;
    const data = udp.payload;
    data[upTo(data.length)]! ^= 1 << upTo(8);
    udp.payload = data; // what is read is a copy
    return Verdict.Accept;
  },
});
