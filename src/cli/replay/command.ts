// `nfqueue replay`: a filter over a recording, without the kernel.
import { backend } from "../../../ffi/backend.ts";
import { type Command, STATUS, type Surroundings, type Words } from "../frame/command.ts";
import { FilterFile } from "../run/filter_file.ts";
import { MODULES } from "../run/package_modules.ts";
import { type Played, Player } from "./player.ts";
import { packetsOf, survey } from "./records.ts";
import { Report } from "./report.ts";

/** More queues than these are played as one. */
const MOST_QUEUES = 64;

/** The command. */
export const replay: Command = {
  summary: "runs a filter over a recording, without the kernel",
  usage: "replay CAPTURE FILTER [--expect] [--json]",
  help:
    `Gives the filter that the file FILTER exports by default the packets of CAPTURE (pcap or pcapng),
and prints a line for each: its number in the file, the packet, the verdict, and what was changed. No
rule is installed, no packet is sent, and it takes no root.

Queue, device, direction and checksum flags come from CAPTURE where it has them (those that nfqueue run
--record writes have). The hook is the filter's own that fits the direction. Packets come as fast as the
filter takes them. What is neither IPv4 nor IPv6 is passed over.

  --expect   compares verdicts, marks and changed bytes with those that were recorded; the exit status is
             1 where one differs, or where none was recorded
  --json     prints an object a line: { type: "packet", … } for each, { type: "sum", … } at the end`,
  options: { expect: { type: "boolean" }, json: { type: "boolean" } },
  positionals: { least: 2, most: 2 },
  run: replayCapture,
};

async function replayCapture(
  { values, positionals }: Words,
  around: Surroundings,
): Promise<number> {
  const [capture = "", name = ""] = positionals;
  const { signal } = around;
  const complain = (message: string) => around.complain(`${message}\n`);
  backend().serveModules(MODULES);
  const file = new FilterFile(name);
  const { queues, changed } = await survey(capture);
  const filter = await file.load();
  await using player = await Player.start(filter, {
    ...{ queues: rangeOf(queues, complain), signal, log: complain },
  });
  const report = new Report(around, {
    ...{ json: values["json"] === true, expect: values["expect"] === true, changes: changed },
  });
  /** Not told yet, in the order of the file. */
  const played: Played[] = [];
  const tell = (all: boolean) => {
    let told = 0;
    for (const one of played) {
      if (one.decision === undefined && one.lost === undefined && !all) break;
      report.tell(one);
      told++;
    }
    played.splice(0, told);
  };
  let broken: { readonly error: unknown } | undefined;
  try {
    for await (const packet of packetsOf(capture)) {
      if (signal.aborted || player.ended) break;
      if (typeof packet === "number") report.passOver();
      else played.push(await player.play(packet));
      tell(false);
    }
  } catch (error) {
    broken = { error };
  }
  const early = player.ended && !signal.aborted;
  await player.finish();
  try {
    await player.end();
  } finally {
    tell(true);
  }
  if (signal.aborted) return STATUS.failed;
  if (early) complain("the filter closed its queue before the recording's end");
  const agrees = report.end();
  if (broken !== undefined) throw broken.error;
  return agrees ? STATUS.done : STATUS.failed;
}

function rangeOf(
  queues: readonly number[],
  complain: (message: string) => void,
): { readonly from: number; readonly to: number } {
  const from = queues[0] ?? 0;
  const to = queues.at(-1) ?? from;
  if (to - from < MOST_QUEUES) return { from, to };
  complain(
    `the recording has queues from ${from} to ${to}: all packets are given to queue ${from}`,
  );
  return { from, to: from };
}
