// Lets nobody from outside begin a connection to this machine, but for some ports. What this machine began
// itself goes on.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const OPEN_PORTS = [22, 80, 443, 68, 546]; // the last two: answers of DHCP

export default defineFilter({
  rules: {
    hook: "input",
    protocol: ["tcp", "udp"],
    state: ["new", "invalid", "untracked"],
    not: { inDevice: "lo", destinationPort: OPEN_PORTS },
  },
  options: { copyRange: 128 },
  packet(packet) {
    console.log(`drop  ${packet}`);
    return Verdict.Drop;
  },
});
