// Loses one of ten packets that leave this machine, by chance. SSH and loopback stay as they are.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const LOSS = 0.1;

export default defineFilter({
  rules: { hook: "output", not: { outDevice: "lo", sourcePort: 22 } },
  options: { copyRange: 0, gso: false }, // without gso each loss is one packet of the wire
  packet: () => Math.random() < LOSS ? Verdict.Drop : Verdict.Accept,
});
