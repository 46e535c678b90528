// What `nfqueue run` tells: lines, and how things stand; for people on a terminal, for a log, for programs.
import type { Surroundings } from "../frame/command.ts";
import { lostOf, type Status } from "./rates.ts";
import type { QueueCounters } from "../../queue/report/counters.ts";
import { visible } from "../words/point.ts";
import { TerminalLine } from "./terminal_line.ts";

/** Something that has happened. */
export interface Message {
  /** `"started"`, `"loaded"`, `"kept"`, `"stale"`, `"warning"`, `"failure"`, `"ended"`. */
  readonly type: string;
  /** For people. */
  readonly text: string;
  /** For programs, beside it. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Where it is told. */
export interface Report extends Disposable {
  tell(message: Message): void;
  status(status: Status): void;
}

/** Told of on standard error where people read. */
const PROBLEMS: readonly string[] = ["kept", "stale", "warning", "failure"];
/** A log has a line of rates as often (in calls of `status`). */
const PLAIN_EVERY = 10;

const grouped = new Intl.NumberFormat("en-US");
const number = (value: number): string => grouped.format(value);

/** A line of rates. */
export function statusText(name: string, status: Status): string {
  const { packetsPerSecond, acceptedPerSecond, droppedPerSecond, waiting, lost } = status;
  return `${name}: ${number(packetsPerSecond)} packets/s, ${number(acceptedPerSecond)} accepted, ` +
    `${number(droppedPerSecond)} dropped, ${number(waiting)} waiting, ${number(lost)} lost`;
}

/** A line at the end. */
export function summaryText(counters: QueueCounters): string {
  const { received, accepted, dropped, otherVerdicts, handlerErrors } = counters;
  const optional = [[otherVerdicts, "sent elsewhere"], [handlerErrors, "failed"]] as const;
  return [
    `${number(received)} packets: ${number(accepted)} accepted`,
    `${number(dropped)} dropped`,
    ...optional.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`),
    `${number(lostOf(counters))} lost`,
  ].join(", ");
}

/** Lines for people; on a terminal the last one is that of the rates. */
class LineReport implements Report {
  readonly #name: string;
  readonly #around: Surroundings;
  readonly #line: TerminalLine | undefined;
  #calls = 0;
  #told = 0;

  constructor(name: string, around: Surroundings) {
    this.#name = name;
    this.#around = around;
    this.#line = around.screen ? new TerminalLine((text) => around.write(text)) : undefined;
  }

  tell({ type, text }: Message): void {
    const write = () =>
      PROBLEMS.includes(type)
        ? this.#around.complain(`${text}\n`)
        : this.#around.write(`${visible(text)}\n`);
    if (this.#line === undefined) write();
    else this.#line.above(write);
  }

  status(status: Status): void {
    const text = visible(statusText(this.#name, status));
    if (this.#line !== undefined) return this.#line.show(text);
    // Nothing new is no line in a log.
    if (++this.#calls % PLAIN_EVERY !== 0 || status.counters.received === this.#told) return;
    this.#told = status.counters.received;
    this.#around.write(`${text}\n`);
  }

  [Symbol.dispose](): void {
    this.#line?.[Symbol.dispose]();
  }
}

/** An object a line on standard output, for programs. */
class JsonReport implements Report {
  readonly #around: Surroundings;
  readonly #console = { log: console.log, info: console.info, debug: console.debug };

  constructor(around: Surroundings) {
    this.#around = around;
    // What the filter writes is no JSON.
    console.log = console.info = console.debug = (...values) => console.error(...values);
  }

  tell({ type, text, facts = {} }: Message): void {
    this.#write({ type, message: text, ...facts });
  }

  status({ counters, ...rates }: Status): void {
    this.#write({ type: "status", ...rates, ...counters });
  }

  [Symbol.dispose](): void {
    Object.assign(console, this.#console);
  }

  #write({ type, ...facts }: Readonly<Record<string, unknown>>): void {
    const line = { type, time: new Date().toISOString(), ...facts };
    this.#around.write(`${JSON.stringify(line)}\n`);
  }
}

/** @param name what the rates are of */
export function reportTo(
  around: Surroundings,
  { name, json }: { readonly name: string; readonly json: boolean },
): Report {
  return json ? new JsonReport(around) : new LineReport(name, around);
}
