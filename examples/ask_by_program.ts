/**
 * An application firewall: it asks which programs may open connections, and refuses those of the others.
 * A program is asked for once; its packets wait for the answer.
 *
 *     sudo nfqueue run examples/ask_by_program.ts
 *
 * Root sees the programs of all users. A script has its interpreter's name: `commandLine` tells more.
 */

import process from "node:process";
import { createInterface } from "node:readline/promises";
import { defineFilter, type Filter, type Packet, processOf, Verdict } from "@nfqueue/nfqueue";

/** The programs that may have sent a packet, in words. */
function senderOf(packet: Packet): string {
  const { processes, unseen } = processOf(packet);
  if (unseen !== undefined) return `somebody (${unseen.message})`;
  const names = processes.map(({ program, name, otherMounts }) =>
    `${program ?? name}${otherMounts === true ? " of a container" : ""}`
  );
  return [...new Set(names)].join(" and ");
}

/**
 * Makes the filter.
 *
 * @param ask gets a question, and gives the answer
 */
export function firewall(ask: (question: string) => Promise<boolean>): Filter {
  const answers = new Map<string, Promise<boolean>>();
  return defineFilter({
    rules: { hook: "output", protocol: ["tcp", "udp"], state: "new", not: { outDevice: "lo" } },
    options: { deadline: { milliseconds: 60_000, verdict: Verdict.Drop } },
    async packet(packet) {
      const sender = senderOf(packet);
      const answer = answers.get(sender) ?? ask(`May ${sender} connect? (${packet.flow}) [y/N] `);
      answers.set(sender, answer);
      if (await answer) return Verdict.Accept;
      // The deadline may have dropped it meanwhile.
      if (packet.verdict === undefined) packet.reject();
    },
  });
}

let last: Promise<unknown> = Promise.resolve();

/** Asks on the terminal, one question after the other. */
function askHere(question: string): Promise<boolean> {
  const answer = last.then(async () => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    return /^y/i.test(await lines.question(question).finally(() => lines.close()));
  });
  last = answer.catch(() => {});
  return answer;
}

export default firewall(askHere);
