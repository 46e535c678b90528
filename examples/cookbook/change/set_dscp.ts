// Marks voice as such (DSCP 46, expedited forwarding), and all other marks of this machine as ordinary.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const VOICE = { from: 16_384, to: 32_767 }; // UDP ports of RTP
const EXPEDITED = 46;

export default defineFilter({
  rules: { hook: "postrouting", not: { outDevice: "lo" } },
  packet({ ip, udp }) {
    if (!ip) return Verdict.Accept;
    const port = udp?.destinationPort ?? 0;
    const dscp = port >= VOICE.from && port <= VOICE.to ? EXPEDITED : 0;
    if (ip.dscp !== dscp) ip.dscp = dscp; // the two bits of ECN stay as they are
    return Verdict.Accept;
  },
});
