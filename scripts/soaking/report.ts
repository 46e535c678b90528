/** The tables at the end. */
import { table } from "../benchmark/report.ts";
import { ALLOWED, type MemoryWatch } from "./memory.ts";
import { addSums, noSums, type Sums } from "./sums.ts";

/** All phases of one fault in one way. */
export interface Row {
  readonly sums: Sums;
  phases: number;
  failed: number;
  /** MiB at the end of the last phase, by runtime. */
  readonly memory: Record<string, number>;
}

export class Rows {
  readonly #rows = new Map<string, Row>();

  row(fault: string, way: string): Row {
    const key = `${fault}\0${way}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      this.#rows.set(key, row = { sums: noSums(), phases: 0, failed: 0, memory: {} });
    }
    return row;
  }

  get failed(): number {
    return [...this.#rows.values()].reduce((total, { failed }) => total + failed, 0);
  }

  /** In the order of the faults and the ways, and their sum. */
  toString(faults: readonly string[], ways: readonly string[]): string {
    const total: Row = { sums: noSums(), phases: 0, failed: 0, memory: {} };
    const lines: string[][] = [];
    for (const fault of faults) {
      for (const way of ways) {
        const row = this.#rows.get(`${fault}\0${way}`);
        if (row === undefined) continue;
        addSums(total.sums, row.sums);
        total.phases += row.phases;
        total.failed += row.failed;
        lines.push(cells(fault, way, row));
      }
    }
    lines.push(cells("all", "", total));
    return table(HEAD, lines);
  }
}

const HEAD = [
  ...["fault", "way", "phases", "sent", "accepted", "dropped", "overruns", "queueDropped"],
  ...["flushedByKernel", "lost with the process", "at the limit, hidden"],
  ...["not queued", "queued twice", "unaccounted", "duplicates", "failed", "memory, MiB"],
];

function cells(fault: string, way: string, { sums, phases, failed, memory }: Row): string[] {
  const { sent, arrived, dropped, overruns, queueDropped, flushed } = sums;
  const { withProcess, hidden, refused, again, unaccounted, duplicates } = sums;
  const numbers = [phases, sent, arrived, dropped, overruns, queueDropped, flushed];
  numbers.push(withProcess, hidden, refused, again, unaccounted, duplicates, failed);
  const resident = Object.entries(memory).map(([name, mib]) => `${name} ${mib.toFixed()}`);
  return [fault, way, ...numbers.map(String), resident.join(", ")];
}

/** Resident memory of the consumers that lived through all phases. */
export function memoryTable(watches: ReadonlyMap<string, MemoryWatch>): string {
  const mib = (value: number | undefined) => value?.toFixed() ?? "too short to say";
  return table(
    ["runtime", "at start", "after a minute", "at the end", "allowed growth"],
    [...watches].map(([runtime, watch]) => [
      ...[runtime, mib(watch.start), mib(watch.settled), mib(watch.end)],
      watch.grew ? `${ALLOWED}: EXCEEDED` : `${ALLOWED}`,
    ]),
  );
}
