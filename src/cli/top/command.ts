/**
 * `nfqueue top`: what every queue of the network namespace does.
 *
 * @module
 */

import { processOfPort } from "../../nfqueue/process_of_port.ts";
import { queueStatistics } from "../../nfqueue/statistics.ts";
import {
  type Command,
  STATUS,
  type Surroundings,
  UsageError,
  type Words,
} from "../frame/command.ts";
import { FullScreen, terminalSize } from "../terminal/full_screen.ts";
import { type Paint, painter } from "../terminal/style.ts";
import { QueueMeter, type QueueState } from "./meter.ts";
import { queueJson, tableLines } from "./table.ts";

const CTRL_C = "\x03";
/** 128 and the number of SIGINT. */
const INTERRUPTED = 130;
const [LEAST_SECONDS, MOST_SECONDS] = [0.1, 3600];
const NO_QUEUES = "no queue has an owner in this network namespace";

const HELP = `\
Shows every queue of this network namespace, as /proc/net/netfilter/nfnetlink_queue tells of it. In a
terminal the table is drawn anew each second, and q ends it; elsewhere each reading adds its lines.

  -d, --delay SECONDS  between two readings: 0.1 to 3600, 1 by default
      --once           ends with the first rates, one delay later
      --json           writes an object a reading, on one line

  OWNER      the process whose socket it is; with ? where its descriptors may not be looked at
  WAITING    packets without a verdict
  PACKETS/S  packets that came into the queue
  FULL       packets that found the queue full (its maximum length), and were dropped
  OVERRUN    packets that found the owner's receive buffer full, and were dropped
  COPY       how much of each packet the owner gets: whole, a number of bytes, metadata, none
  RATES      the packets of the last readings, as bars`;

interface Settings {
  readonly milliseconds: number;
  readonly once: boolean;
  readonly json: boolean;
}

function settingsOf({ values }: Words): Settings {
  const text = (values["delay"] ?? "1") as string;
  const seconds = /^\d{1,4}(?:\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)) {
    throw new UsageError(
      `-d is a number of seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}, got ${
        JSON.stringify(text)
      }`,
    );
  }
  return {
    milliseconds: seconds * 1000,
    once: values["once"] === true,
    json: values["json"] === true,
  };
}

/** Waits so long, or until the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const done = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", done);
    resolve();
  };
  const timer = setTimeout(done, milliseconds);
  signal.addEventListener("abort", done);
  return promise;
}

async function run(words: Words, around: Surroundings): Promise<number> {
  const settings = settingsOf(words);
  const meter = new QueueMeter({
    queues: () => queueStatistics(),
    ownerOf: processOfPort,
    now: () => performance.now(),
  });
  // Fails here, and not in another screen.
  const first = meter.read();
  const paint = painter(around.colors);
  if (around.screen && !settings.once && !settings.json) {
    return await watch(first, { meter, settings, around, paint });
  }
  return await list(first, { meter, settings, around, paint });
}

interface Run {
  readonly meter: QueueMeter;
  readonly settings: Settings;
  readonly around: Surroundings;
  readonly paint: Paint;
}

/** Readings one below the other. */
async function list(first: readonly QueueState[], parts: Run): Promise<number> {
  const { meter, settings: { milliseconds, once, json }, around, paint } = parts;
  const { signal } = around;
  let before = "";
  for (let at = 0; !signal.aborted; at++) {
    const queues = at === 0 ? first : meter.read();
    // The first reading has no rates.
    if (at > 0) {
      const time = new Date().toISOString();
      if (json) {
        const seconds = milliseconds / 1000;
        const document = { time, seconds, queues: queues.map(queueJson) };
        around.write(`${JSON.stringify(document)}\n`);
      } else {
        const columns = around.terminal ? terminalSize().columns : Infinity;
        const [title = "", ...rows] = tableLines(queues, { columns, paint, sparks: false });
        // The titles again where they have moved.
        if (rows.length > 0 && title !== before) around.write(`${title}\n`);
        before = title;
        around.write(rows.length === 0 ? `${NO_QUEUES}\n` : `${rows.join("\n")}\n`);
      }
      if (once) return STATUS.done;
    }
    await pause(milliseconds, signal);
  }
  return STATUS.done;
}

/** One table that is drawn anew. */
async function watch(first: readonly QueueState[], parts: Run): Promise<number> {
  const { meter, settings: { milliseconds }, around, paint } = parts;
  const quit = new AbortController();
  const signal = AbortSignal.any([quit.signal, around.signal]);
  let status: number = STATUS.done;
  let queues = first;
  const draw = (): void => screen.draw(screenLines(queues, { milliseconds, paint }));
  using screen = new FullScreen({
    onResize: () => draw(),
    onKeys: (keys) => {
      if (keys.includes(CTRL_C)) status = INTERRUPTED;
      else if (!/q/i.test(keys)) return;
      quit.abort();
    },
  });
  draw();
  for (;;) {
    await pause(milliseconds, signal);
    if (signal.aborted) return status;
    queues = meter.read();
    draw();
  }
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function screenLines(
  queues: readonly QueueState[],
  { milliseconds, paint }: { readonly milliseconds: number; readonly paint: Paint },
): string[] {
  const { columns, rows } = terminalSize();
  const waiting = queues.reduce((sum, { length }) => sum + length, 0);
  const head = `${counted(queues.length, "queue")}, ${counted(waiting, "packet")} waiting, ` +
    `every ${milliseconds / 1000} s; q quits`;
  const lines = [paint(head.slice(0, columns), "dim"), ""];
  if (queues.length === 0) return [...lines, NO_QUEUES.slice(0, columns)];
  const table = tableLines(queues, { columns, paint, sparks: true });
  const room = rows - lines.length;
  if (table.length <= room) return [...lines, ...table];
  const hidden = table.length - Math.max(0, room - 1);
  return [...lines, ...table.slice(0, Math.max(0, room - 1)), `… ${hidden} more`];
}

/** The command. */
export const top: Command = {
  summary: "shows what every queue of this network namespace does",
  usage: "top [-d SECONDS] [--once] [--json]",
  help: HELP,
  options: {
    delay: { type: "string", short: "d" },
    once: { type: "boolean" },
    json: { type: "boolean" },
  },
  positionals: { least: 0, most: 0 },
  run,
};
