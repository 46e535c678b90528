// Refuses mail that leaves by this machine, and says so: clients hear it at once.
import { defineFilter } from "@nfqueue/nfqueue";

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: ["tcp", "udp"], destinationPort: [25, 465, 587] },
  options: { copyRange: 1280 }, // as much as an answer may quote
  packet(packet) {
    packet.reject(); // or { reason: "admin-prohibited" }
  },
});
