// Asks you before this machine speaks to somebody for the first time. Other packets go on meanwhile.
import { createInterface, type Interface } from "node:readline/promises";
import process from "node:process";
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const answers = new Map<string, Promise<boolean>>();
let terminal: Interface | undefined;
let last: Promise<unknown> = Promise.resolve();

/** One question at a time; packets to the same place wait for the same answer. */
function mayPass(place: string): Promise<boolean> {
  const answer = answers.get(place) ?? last.then(async () => {
    const word = await terminal?.question(`May this machine speak to ${place}? [y/N] `);
    return word?.trim().toLowerCase() === "y";
  });
  answers.set(place, answer);
  last = answer;
  return answer;
}

export default defineFilter({
  rules: { hook: "output", protocol: "tcp", state: "new", not: { outDevice: "lo" } },
  options: { copyRange: 128, deadline: { milliseconds: 60_000, verdict: Verdict.Drop } },
  start({ signal }) {
    // No terminal of its own: Ctrl-C must end the filter.
    terminal = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
    signal.addEventListener("abort", () => terminal?.close());
  },
  async packet(packet) {
    const { ip, tcp } = packet;
    if (await mayPass(`${ip?.destination} port ${tcp?.destinationPort}`)) return Verdict.Accept;
    packet.reject();
  },
});
