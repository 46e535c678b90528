// Gives DNS a queue of its own, so that a flood of other packets cannot crowd it out.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const counts = new Map([[20, 0], [21, 0]]);

export default defineFilter({
  // The first rule that fits decides.
  rules: [
    { hook: "input", protocol: "udp", destinationPort: 53, queue: 20 },
    { hook: "input", protocol: "udp", queue: 21 },
  ],
  options: { copyRange: 128, maxLength: 2048 }, // of each queue
  packet({ queue }) {
    counts.set(queue, counts.get(queue)! + 1);
    return Verdict.Accept;
  },
  stop({ queue }) {
    console.log(`queue ${queue.number}: ${counts.get(queue.number)} packets`);
  },
});
