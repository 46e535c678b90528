// Decides before another program does: what passes here goes on to its queue, such as Suricata's.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const OURS = 10;
const THEIRS = 0;

export default defineFilter({
  rules: { hook: "forward", queue: OURS },
  options: { copyRange: 128 },
  packet(packet) {
    if (packet.tcp?.destinationPort === 23) return Verdict.Drop;
    packet.requeue(THEIRS, { bypass: true }); // accepted where nobody listens there
  },
});
