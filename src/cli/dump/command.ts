/**
 * `nfqueue dump`: the packets of a queue, or of a recording, as tcpdump shows them.
 *
 * @module
 */

import { UnblockedOutput } from "../../linux/unblocked_output.ts";
import {
  type Command,
  STATUS,
  type Surroundings,
  UsageError,
  type Words,
} from "../frame/command.ts";
import { BoundedOutput, isUnread } from "../output/bounded_output.ts";
import { FileWriter, isSameFile } from "../output/file_writer.ts";
import { parseQueues } from "../words/queue_words.ts";
import { parseRule } from "../words/rule_words.ts";
import { type Destination, PrintedPackets, RecordedPackets } from "./destination.ts";
import { DisplayFilter } from "./expression/display_filter.ts";
import { presentation, type PresentationOptions } from "./presentation.ts";
import { listen, type Listening } from "./queues.ts";
import { readRecording } from "./recording.ts";
import { Selection } from "./selection.ts";

const STDOUT = 1;
/** Nobody reads the output any more: what a shell tells of a program that SIGPIPE ended. */
const UNREAD = 141;
/** Shows of packets more than their headers. */
const BYTES_IN_EXPRESSION = /\[/;

const HELP = `\
Shows the packets of a queue, a line each, as tcpdump -nS does. All are accepted: the expression only
chooses what is shown. Without -q it takes the lowest free number.

  -q, --queue N|A-B   the queue, or a range of queues
      --rule RULE     sends packets there, as long as the command runs: 'output protocol=tcp'
  -c, --count COUNT   ends when so many packets were shown
  -r, --read FILE     shows a recording (pcap or pcapng) in place of a queue; - is standard input
  -w, --write FILE    writes pcapng in place of showing; - is standard output
  -v, --verbose       shows all headers, field by field
  -x, --hex           shows the bytes from the IP header on
  -X, --hex-text      shows the bytes, and those of them that are characters
      --json          writes an object a line

An expression has tcpdump's words, pcap-filter(7), and the same meaning:
  host A, net P, port N, portrange A-B, each behind src or dst and a protocol where wanted
  ip, ip6, arp, tcp, udp, icmp, icmp6, sctp, esp, ah, …; ip proto N
  less N, greater N; inbound, outbound; vlan N
  tcp[tcpflags] & (tcp-syn|tcp-ack) != 0; in short, and for IPv6 too: flags syn,ack (all are set)
  and, or, not, ( ); port 80 or 443`;

/** The words of the command, checked. */
interface Settings {
  readonly filter: DisplayFilter;
  readonly presentation: PresentationOptions;
  readonly most: number;
  readonly read: string | undefined;
  readonly write: string | undefined;
  readonly listening: Listening;
}

function settingsOf({ values, positionals }: Words, terminal: boolean): Settings {
  const text = (name: string) => values[name] as string | undefined;
  const flag = (name: string) => values[name] === true;
  const expression = positionals.join(" ");
  const filter = new DisplayFilter(expression);
  const [read, write, queue] = [text("read"), text("write"), text("queue")];
  const rules = ((values["rule"] ?? []) as string[]).map((line) => parseRule(line));
  const [json, details] = [flag("json"), flag("verbose")];
  const hex = flag("hex-text") ? "bytes and characters" : flag("hex") ? "bytes" : "none";
  const shows = json || details || hex !== "none";
  if (read !== undefined && (queue !== undefined || rules.length > 0)) {
    throw new UsageError("a recording (-r) needs no queue: leave out -q and --rule");
  }
  if (write !== undefined && shows) {
    throw new UsageError("-w writes packets and shows none: leave out -v, -x, -X and --json");
  }
  if (json && (details || hex !== "none")) {
    throw new UsageError("--json tells everything: leave out -v, -x and -X");
  }
  if (write === "-" && terminal) {
    throw new UsageError("-w - is for a pipe or a file, and not for a terminal");
  }
  const source = read === "-" ? "/dev/stdin" : read;
  if (source !== undefined && write !== undefined && isSameFile(source, write)) {
    throw new UsageError("-w would overwrite the recording that -r reads");
  }
  return {
    ...{ filter, presentation: { json, details, hex }, read, write },
    most: countOf(text("count")),
    listening: {
      queues: queue === undefined ? undefined : parseQueues(queue),
      rules,
      whole: shows || write !== undefined || BYTES_IN_EXPRESSION.test(expression),
    },
  };
}

function countOf(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError(`-c is a number of packets from 1 on, got ${JSON.stringify(text)}`);
}

async function run(words: Words, around: Surroundings): Promise<number> {
  const settings = settingsOf(words, around.terminal);
  const { filter, most, read, write } = settings;
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, around.signal]);
  const file = write !== undefined && write !== "-";
  let failure: { readonly error: unknown } | undefined;
  using output = new BoundedOutput(
    file ? new FileWriter(write) : new UnblockedOutput(STDOUT),
    (error) => {
      failure = { error };
      ending.abort();
    },
  );
  const destination: Destination = write === undefined
    ? new PrintedPackets(output, presentation(settings.presentation))
    : new RecordedPackets(output);
  const selection = new Selection(filter, {
    ...{ destination, most },
    complete: () => ending.abort(),
  });
  let lost = 0;
  try {
    if (read !== undefined) {
      destination.begin();
      await readRecording(read, { selection, output, signal });
    } else {
      const { complain } = around;
      lost = await listen(settings.listening, { selection, destination, signal, complain });
    }
  } finally {
    const left = await output.finish(around.signal);
    if (left > 0) around.complain(`${left} bytes of output were not read, and are gone\n`);
  }
  if (failure !== undefined) {
    if (isUnread(failure.error)) return UNREAD;
    throw failure.error;
  }
  if (read === undefined || write !== undefined) {
    // Behind the ^C that the terminal shows.
    const feed = around.terminal && around.signal.aborted ? "\n" : "";
    around.complain(feed + selection.summary(lost));
  }
  return STATUS.done;
}

/** The command. */
export const dump: Command = {
  summary: "shows the packets of a queue or of a recording",
  usage:
    "dump [-q N|A-B] [--rule RULE]… [-c COUNT] [-r FILE] [-w FILE] [-v|-x|-X|--json] [EXPRESSION]",
  help: HELP,
  options: {
    queue: { type: "string", short: "q" },
    rule: { type: "string", multiple: true },
    count: { type: "string", short: "c" },
    read: { type: "string", short: "r" },
    write: { type: "string", short: "w" },
    verbose: { type: "boolean", short: "v" },
    hex: { type: "boolean", short: "x" },
    "hex-text": { type: "boolean", short: "X" },
    json: { type: "boolean" },
  },
  positionals: { least: 0, most: Infinity },
  run,
};
