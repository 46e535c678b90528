// Shares connections between two uplinks: each gets mark 1 or 2, and keeps it.
//   ip rule add fwmark 1 lookup 101; ip route add default via 192.0.2.1 table 101
//   ip rule add fwmark 2 lookup 102; ip route add default via 198.51.100.1 table 102
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const LINKS = 2;

export default defineFilter({
  rules: { hook: "output", priority: "mangle", not: { outDevice: "lo" } },
  options: { copyRange: 128 },
  packet(packet) {
    const { flow } = packet;
    if (flow === undefined) return Verdict.Accept;
    // Only these four bits are ours.
    packet.accept({ mark: { value: 1 + flow.hash % LINKS, mask: 0xf } });
  },
});
