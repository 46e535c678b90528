/**
 * `nfqueue run`: a filter from a file, with its rules and queues, until Ctrl-C.
 *
 * @module
 */

import { backend } from "../../../ffi/backend.ts";
import type { Filter, FilterHandler } from "../../filter/filter.ts";
import { FilterHost } from "../../filter/host.ts";
import { installRules } from "../../filter/system_rules.ts";
import type { Range, Rule } from "../../rules/rule/rule.ts";
import {
  type Command,
  STATUS,
  type Surroundings,
  UsageError,
  type Words,
} from "../frame/command.ts";
import { messageOf } from "../frame/message.ts";
import { FileWriter, isSameFile } from "../output/file_writer.ts";
import { parseQueues } from "../words/queue_words.ts";
import { parseRule, ruleText } from "../words/rule_words.ts";
import { FilterFile } from "./filter_file.ts";
import { MODULES } from "./package_modules.ts";
import { Rates } from "./rates.ts";
import { Recording } from "./recording.ts";
import { reloadOnChange } from "./reload.ts";
import { type Message, type Report, reportTo, summaryText } from "./report.ts";
import { catchesSsh } from "./ssh.ts";

const STATUS_MILLISECONDS = 1000;

const HELP = `\
Runs the filter that FILE exports by default: installs its rules, hands its handler every packet, and
tells once a second how many there are. Ctrl-C ends it: the rules go first, and the packets that wait
are decided. nfqueue init writes a FILE to start from.

      --rule RULE     a rule in the place of the filter's own: 'output protocol=tcp'; may be repeated
      --no-rules      installs no rules, as others send packets to the queue
  -q, --queue N|A-B   the queue, or a range of queues; without it those that the rules name, else the
                      lowest free number
      --watch         loads FILE again when it, or a file that it imports, changes; no packet is lost
      --record FILE   writes the packets as pcapng, with their verdicts, and once more where changed
      --json          writes an object a line on standard output, for programs

Under Deno a module that FILE imports is loaded once: --watch says so when it changes.
--record needs --allow-write there.`;

/** The words, checked. */
interface Settings {
  readonly file: string;
  readonly rules: readonly Rule[] | false | undefined;
  readonly queues: Range<number> | undefined;
  readonly watch: boolean;
  readonly record: string | undefined;
  readonly json: boolean;
}

function settingsOf({ values, positionals }: Words): Settings {
  const text = (name: string) => values[name] as string | undefined;
  const flag = (name: string) => values[name] === true;
  const rules = ((values["rule"] ?? []) as string[]).map((line) => parseRule(line));
  if (flag("no-rules") && rules.length > 0) {
    throw new UsageError("--rule installs a rule and --no-rules none: leave out one of them");
  }
  const queue = text("queue");
  return {
    file: positionals[0]!,
    rules: flag("no-rules") ? false : rules.length > 0 ? rules : undefined,
    queues: queue === undefined ? undefined : parseQueues(queue),
    ...{ watch: flag("watch"), record: text("record"), json: flag("json") },
  };
}

const listOf = (rules: Rule | readonly Rule[] | undefined): readonly Rule[] =>
  rules === undefined ? [] : Array.isArray(rules) ? rules : [rules as Rule];

/** Before they are installed: behind that it may be too late to read it. */
function warnOfSsh(rules: readonly Rule[], report: Report): void {
  const connection = backend().environment("SSH_CONNECTION");
  if (connection === undefined) return;
  for (const rule of rules.filter((rule) => catchesSsh(rule, connection))) {
    report.tell({
      type: "warning",
      text:
        `the rule '${ruleText(rule)}' catches this SSH connection (${connection}), and has no ` +
        "bypass: when the filter stops deciding, nobody can type here any more. " +
        `Leave the port out with not.${portOf(rule, connection)}, or leave out bypass=false`,
      facts: { rule: ruleText(rule) },
    });
  }
}

function portOf({ hook }: Rule, connection: string): string {
  const port = connection.split(/\s+/)[3] ?? "22";
  const hooks = Array.isArray(hook) ? hook : [hook];
  return hooks.includes("output") || hooks.includes("postrouting")
    ? `sourcePort=${port}`
    : `destinationPort=${port}`;
}

function describeStart(host: FilterHost, file: string): Message {
  const numbers = host.queues.map(({ number }) => number);
  const [first, last] = [numbers[0], numbers.at(-1)];
  const queues = first === last ? `queue ${first}` : `queues ${first} to ${last}`;
  const rules = host.rules.map(ruleText);
  const lines = [`${file} runs on ${queues}; Ctrl-C ends it`, ...rules.map((rule) => `  ${rule}`)];
  return { type: "started", text: lines.join("\n"), facts: { file, queues: numbers, rules } };
}

async function runFile(words: Words, around: Surroundings): Promise<number> {
  const settings = settingsOf(words);
  backend().serveModules(MODULES);
  const file = new FilterFile(settings.file);
  using report = reportTo(around, { name: file.name, json: settings.json });
  const filter = await file.load();
  const { record = "" } = settings;
  const overwritten = file.files.find((one) => isSameFile(one, record));
  if (overwritten !== undefined) {
    throw new UsageError(`--record would overwrite ${file.nameOf(overwritten)}`);
  }
  using recording = settings.record === undefined
    ? undefined
    : new Recording(new FileWriter(settings.record), {
      failed: (error) =>
        report.tell({ type: "failure", text: `the recording has ended: ${messageOf(error)}` }),
    });
  const wrap = (given: Filter | FilterHandler) => {
    const own = typeof given === "function" ? [] : listOf(given.rules);
    if (settings.rules !== false) warnOfSsh(settings.rules ?? own, report);
    return recording?.wrap(given) ?? given;
  };
  const host = await FilterHost.start(wrap(filter), {
    signal: around.signal,
    queues: settings.queues,
    rules: settings.rules,
    log: (text) => report.tell({ type: "failure", text }),
    installRules,
    ...(recording && { openQueue: recording.openQueue }),
  });
  if (!around.signal.aborted) report.tell(describeStart(host, file.name));
  const ending = new AbortController();
  const rates = new Rates(host);
  const timer = setInterval(() => report.status(rates.next()), STATUS_MILLISECONDS);
  const tell = report.tell.bind(report);
  const watching = settings.watch
    ? reloadOnChange({ file, host, wrap, tell }, AbortSignal.any([around.signal, ending.signal]))
    : undefined;
  try {
    await host.ended;
  } finally {
    clearInterval(timer);
    ending.abort();
    await watching;
    const counted = host.queues.map(({ number, statistics }) => ({ number, statistics }));
    await recording?.finish(counted, around.signal);
    report.tell(describeEnd(host, recording));
  }
  return recording?.failure === undefined ? STATUS.done : STATUS.failed;
}

function describeEnd(host: FilterHost, recording: Recording | undefined): Message {
  const { statistics } = host;
  const { written, notWritten } = recording ?? {};
  const recorded = written === undefined ? "" : `; ${written} recorded`;
  const missed = notWritten ? `, ${notWritten} not, as the file was too slow` : "";
  return {
    type: "ended",
    text: summaryText(statistics) + recorded + missed,
    facts: { ...statistics, ...(recording && { recorded: written, notRecorded: notWritten }) },
  };
}

/** The command. */
export const run: Command = {
  summary: "runs a filter: its rules, its queues, its handler",
  usage: "run FILE [--rule RULE]… [--queue N|A-B] [--watch] [--record FILE] [--no-rules] [--json]",
  help: HELP,
  options: {
    rule: { type: "string", multiple: true },
    "no-rules": { type: "boolean" },
    queue: { type: "string", short: "q" },
    watch: { type: "boolean" },
    record: { type: "string" },
    json: { type: "boolean" },
  },
  positionals: { least: 1, most: 1 },
  run: runFile,
};
