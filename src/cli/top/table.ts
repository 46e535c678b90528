// Queues as rows of text, and as JSON.
import type { JsonObject } from "../../base/json_value.ts";
import { visible } from "../words/point.ts";
import { shortNumber } from "../terminal/numbers.ts";
import { sparkLine } from "../terminal/spark.ts";
import type { Paint } from "../terminal/style.ts";
import type { QueueState } from "./meter.ts";

const COPY_MODES: Readonly<Record<number, string>> = { 0: "none", 1: "metadata", 2: "packet" };
/** As much as the kernel can copy. */
const WHOLE = 65_531;
const GAP = "  ";

interface Column {
  readonly title: string;
  readonly left?: true;
  readonly text: (queue: QueueState) => string;
  /** Whether a person should look at it. */
  readonly alarms?: (queue: QueueState) => boolean;
}

const rate = (value: number | undefined): string => value === undefined ? "-" : shortNumber(value);

const COLUMNS: readonly Column[] = [
  { title: "QUEUE", text: ({ queue }) => `${queue}` },
  {
    ...{ title: "OWNER", left: true, text: ownerText },
    alarms: ({ owner }) => owner !== undefined && owner.state !== "running",
  },
  { title: "WAITING", text: ({ length }) => `${length}` },
  { title: "PACKETS/S", text: ({ packets }) => rate(packets) },
  {
    ...{ title: "FULL/S", text: ({ queueDrops }) => rate(queueDrops) },
    alarms: ({ queueDrops = 0 }) => queueDrops > 0,
  },
  { title: "FULL", text: ({ queueDropped }) => `${queueDropped}` },
  {
    ...{ title: "OVERRUN/S", text: ({ userDrops }) => rate(userDrops) },
    alarms: ({ userDrops = 0 }) => userDrops > 0,
  },
  { title: "OVERRUN", text: ({ userDropped }) => `${userDropped}` },
  { title: "COPY", left: true, text: copyText },
];

function ownerText({ owner }: QueueState): string {
  if (owner === undefined) return "unknown";
  const { id, name, state, certain } = owner;
  const doubt = certain ? "" : "?";
  return `${visible(name).replaceAll("\n", " ")} (${id})${doubt}${
    state === "running" ? "" : ` ${state}`
  }`;
}

function copyText({ copyMode, copyRange }: QueueState): string {
  if (copyMode !== 2) return COPY_MODES[copyMode] ?? `${copyMode}`;
  return copyRange >= WHOLE ? "whole" : `${copyRange} bytes`;
}

/** Rows below their titles; what has more columns than the terminal is cut. */
export function tableLines(
  queues: readonly QueueState[],
  { columns, paint, sparks }: {
    readonly columns: number;
    readonly paint: Paint;
    /** Whether a row ends in bars of the last rates. */
    readonly sparks: boolean;
  },
): string[] {
  const rows = queues.map((queue) => COLUMNS.map(({ text }) => text(queue)));
  const widths = COLUMNS.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]!.length))
  );
  const pad = (text: string, at: number) =>
    COLUMNS[at]!.left ? text.padEnd(widths[at]!) : text.padStart(widths[at]!);
  const used = widths.reduce((sum, width) => sum + width + GAP.length, 0);
  const left = columns - used;
  const titles = [...COLUMNS.map(({ title }, at) => pad(title, at)), sparks ? "RATES" : ""];
  const lines = [paint(cut(titles.join(GAP), columns), "bold")];
  for (const [at, queue] of queues.entries()) {
    const cells = rows[at]!.map(pad);
    const plain = cells.join(GAP);
    const bars = sparks && left > 0 ? `${GAP}${sparkLine(queue.rates, left)}` : "";
    if (plain.length > columns) lines.push(cut(plain, columns));
    else {
      const painted = cells.map((cell, index) =>
        COLUMNS[index]!.alarms?.(queue) ? paint(cell, "red") : cell
      );
      lines.push(painted.join(GAP) + paint(bars, "green"));
    }
  }
  return lines;
}

const cut = (text: string, columns: number): string => text.trimEnd().slice(0, columns);

/** What a program reads. Rates are per second, and null at the first reading. */
export function queueJson(state: QueueState): JsonObject {
  const { queue, portId, owner, length, copyMode, copyRange } = state;
  return {
    ...{ queue, portId },
    owner: owner === undefined
      ? null
      : { id: owner.id, name: owner.name, state: owner.state, certain: owner.certain },
    waiting: length,
    packetsPerSecond: state.packets ?? null,
    queueDropped: state.queueDropped,
    queueDroppedPerSecond: state.queueDrops ?? null,
    userDropped: state.userDropped,
    userDroppedPerSecond: state.userDrops ?? null,
    copyMode: COPY_MODES[copyMode] ?? copyMode,
    copyRange,
    idSequence: state.idSequence,
  };
}
