/** What the fuzzer of one runtime tells the one that started it: a line of JSON each. */

/** A failure, shrunk. */
export interface Failure {
  readonly target: string;
  readonly kind: string;
  readonly message: string;
  /** Where it was thrown, for errors. */
  readonly stack: string;
  /** The words that repeat it. */
  readonly words: string;
}

/** What was done with one target. */
export interface Row {
  readonly target: string;
  readonly iterations: number;
  readonly failures: number;
  readonly seconds: number;
}

/** A line. */
export type Report =
  | { readonly type: "names"; readonly names: readonly string[] }
  /** Work on a block of inputs begins: what is known of where it was when it dies. */
  | { readonly type: "block"; readonly target: string; readonly block: number }
  | { readonly type: "progress"; readonly iterations: number; readonly failures: number }
  | { readonly type: "failure"; readonly failure: Failure }
  | { readonly type: "end"; readonly rows: readonly Row[]; readonly memory: readonly number[] };

/** Rows as Markdown. */
export function table(rows: readonly (Row & { readonly runtime: string })[]): string {
  const head = ["target", "runtime", "iterations", "failures", "seconds", "iterations a second"];
  const lines = rows.map(({ target, runtime, iterations, failures, seconds }) => [
    ...[target, runtime, counted(iterations), counted(failures), seconds.toFixed(1)],
    counted(seconds > 0 ? Math.round(iterations / seconds) : 0),
  ]);
  const widths = head.map((word, column) =>
    Math.max(word.length, ...lines.map((line) => line[column]!.length))
  );
  const pad = (line: readonly string[]) =>
    `| ${
      line.map((word, column) =>
        column < 2 ? word.padEnd(widths[column]!) : word.padStart(widths[column]!)
      ).join(" | ")
    } |`;
  const rule = `| ${
    widths.map((width, column) => column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)
      .join(" | ")
  } |`;
  return [pad(head), rule, ...lines.map(pad)].join("\n");
}

/** `1,234,567`. */
export function counted(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
