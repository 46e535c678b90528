// Drops what comes from some networks, and tells of each sender once. The kernel looks the addresses up in
// a set: packets of all others cost nothing.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

// Or of a file: readFileSync("networks.txt", "utf8").trim().split("\n")
const NETWORKS = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:bad::/48"];
const MOST_SENDERS = 10_000;

const told = new Set<string>();

export default defineFilter({
  rules: { hook: ["input", "forward"], source: NETWORKS },
  options: { copyRange: 128 },
  packet(packet) {
    const source = packet.ip?.source ?? "";
    if (!told.has(source) && told.size < MOST_SENDERS) {
      told.add(source);
      console.log(`drop  ${packet}`);
    }
    return Verdict.Drop;
  },
});
