// Slows each flow down to 1 Mbit/s: its packets wait for their turn, and are dropped when too many do.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const BYTES_A_SECOND = 125_000;
const LONGEST = 300; // milliseconds that a packet may wait
const MOST_FLOWS = 10_000;

/** By flow: when its next packet may go, and what waits before it. */
const flows = new Map<string, { readonly at: number; readonly last: Promise<unknown> }>();
const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

export default defineFilter({
  rules: { hook: ["output", "forward"], not: { outDevice: "lo", sourcePort: 22 } },
  // Only headers are read, each packet by itself, and many may wait.
  options: { copyRange: 128, gso: false, maxLength: 20_000, concurrency: 20_000 },
  async packet({ flow, length }) {
    if (flow === undefined) return Verdict.Accept;
    const key = flow.directedKey;
    const now = performance.now();
    const before = flows.get(key);
    const at = Math.max(now, before?.at ?? 0);
    if (at - now > LONGEST) return Verdict.Drop;
    // Timers are exact to a millisecond: packets could overtake each other without the second promise.
    const last = pause(at - now).then(() => before?.last);
    flows.delete(key); // so that the oldest stands first
    flows.set(key, { at: at + length * 1000 / BYTES_A_SECOND, last });
    if (flows.size > MOST_FLOWS) flows.delete(flows.keys().next().value!);
    await last;
    return Verdict.Accept;
  },
});
