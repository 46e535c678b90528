// Counts packets and bytes of each flow, and prints the largest ones every five seconds.
import { defineFilter, Flow, Verdict } from "@nfqueue/nfqueue";

const SECONDS = 5;
const MOST_FLOWS = 100_000;
const SHOWN = 10;

const flows = new Map<string, { packets: number; bytes: number }>();

function print(): void {
  const sorted = [...flows].sort(([, one], [, other]) => other.bytes - one.bytes);
  for (const [key, { packets, bytes }] of sorted.slice(0, SHOWN)) {
    console.log(`${packets} packets, ${bytes} bytes  ${Flow.fromKey(key)}`);
  }
  flows.clear();
}

export default defineFilter({
  rules: [
    { hook: "input", not: { inDevice: "lo" } },
    { hook: "output", not: { outDevice: "lo" } },
  ],
  options: { copyRange: 128, failOpen: true }, // the headers; a count must not cost a packet
  start({ signal }) {
    const timer = setInterval(print, SECONDS * 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
  },
  packet({ flow, length }) {
    if (flow === undefined) return Verdict.Accept;
    const count = flows.get(flow.key);
    if (count !== undefined) {
      count.packets++;
      count.bytes += length;
    } else if (flows.size < MOST_FLOWS) flows.set(flow.key, { packets: 1, bytes: length });
    return Verdict.Accept;
  },
  stop: print,
});
