// Delays all that leaves this machine, by 100 ms and up to 20 ms more. SSH and loopback stay as they are.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const MILLISECONDS = 100;
const JITTER = 20;

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

export default defineFilter({
  rules: { hook: "output", not: { outDevice: "lo", sourcePort: 22 } },
  // Nothing is read, and many packets may be under way.
  options: { copyRange: 0, maxLength: 20_000, concurrency: 20_000 },
  async packet() {
    await pause(MILLISECONDS + Math.random() * JITTER);
    return Verdict.Accept;
  },
});
