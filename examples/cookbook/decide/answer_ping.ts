// Answers pings to a network in which nobody is: a scan finds every address taken.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { buildPacket } from "@nfqueue/nfqueue/packet";

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "icmp", destination: "192.0.2.0/24" },
  packet(packet) {
    const { ip, icmp } = packet;
    if (!ip || icmp?.type !== 8) return Verdict.Accept; // no echo request
    const { identifier, sequenceNumber, payload } = icmp;
    packet.answer(buildPacket({
      ip: { source: ip.destination, destination: ip.source },
      icmp: { type: 0, identifier, sequenceNumber },
      payload,
    }));
  },
});
