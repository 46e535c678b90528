// Limits each flow to 1 Mbit/s, by dropping what is above it: a token bucket for each.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const BYTES_A_SECOND = 125_000;
const BURST = 20_000; // bytes that may come at once
const MOST_FLOWS = 10_000;

const buckets = new Map<string, { tokens: number; at: number }>();

export default defineFilter({
  rules: { hook: ["output", "forward"], not: { outDevice: "lo", sourcePort: 22 } },
  options: { copyRange: 128, gso: false }, // the headers; no packet larger than a burst
  packet({ flow, length }) {
    if (flow === undefined) return Verdict.Accept;
    const now = Date.now();
    const { tokens, at } = buckets.get(flow.key) ?? { tokens: BURST, at: now };
    const filled = Math.min(BURST, tokens + Math.max(0, now - at) * BYTES_A_SECOND / 1000);
    const passes = filled >= length;
    buckets.delete(flow.key); // so that the oldest stands first
    buckets.set(flow.key, { tokens: passes ? filled - length : filled, at: now });
    if (buckets.size > MOST_FLOWS) buckets.delete(buckets.keys().next().value!);
    return passes ? Verdict.Accept : Verdict.Drop;
  },
});
