// Lets all packets leave with the same time to live, as if no router had been on their way.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const TTL = 64;

export default defineFilter({
  // IPv6's neighbour discovery is ICMP, and works with a hop limit of 255 only.
  rules: { hook: "postrouting", not: { protocol: "icmp", outDevice: "lo" } },
  packet({ ip }) {
    if (ip && ip.ttl !== TTL) ip.ttl = TTL; // IPv6's hop limit too
    return Verdict.Accept;
  },
});
