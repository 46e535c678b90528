// Sends one of five UDP packets twice, as a faulty network does.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { finishChecksums } from "@nfqueue/nfqueue/packet";

const SHARE = 0.2;

export default defineFilter({
  rules: { hook: "output", protocol: "udp", not: { outDevice: "lo" } },
  options: { gso: false },
  packet(packet) {
    // The kernel may have left the checksum to the network card.
    if (Math.random() < SHARE) packet.send(finishChecksums(packet.payload));
    return Verdict.Accept;
  },
});
