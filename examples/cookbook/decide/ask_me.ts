// Asks you before this machine speaks to somebody for the first time. Other packets go on meanwhile.
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const answers = new Map<string, Promise<boolean>>();
let keyboard: Interface | undefined;
let lines: AsyncIterator<string> | undefined;
let last: Promise<unknown> = Promise.resolve();

async function ask(place: string): Promise<boolean> {
  process.stdout.write(`May this machine speak to ${place}? [y/N] `);
  const { value } = await lines!.next();
  return String(value).trim().toLowerCase() === "y";
}

export default defineFilter({
  rules: { hook: "output", protocol: "tcp", state: "new", not: { outDevice: "lo" } },
  options: { copyRange: 128, deadline: { milliseconds: 60_000, verdict: Verdict.Drop } },
  start() {
    // No terminal of its own, since Ctrl-C must end the filter.
    keyboard = createInterface({ input: process.stdin, terminal: false });
    lines = keyboard[Symbol.asyncIterator]();
  },
  async packet(packet) {
    const place = `${packet.ip?.destination} port ${packet.tcp?.destinationPort}`;
    // One question at a time; packets to the same place wait for the same answer.
    const answer = answers.get(place) ?? last.then(() => ask(place));
    answers.set(place, answer);
    last = answer;
    if (await answer) return Verdict.Accept;
    if (packet.verdict === undefined) packet.reject(); // it may have waited too long
  },
  stop: () => keyboard?.close(),
});
