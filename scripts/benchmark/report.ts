/** From samples to Markdown. */

/** One measured value a round. */
export type Samples = readonly number[];

/** The middle one; of two middle ones their mean. NaN if there is none. */
export function median(samples: Samples): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Each round against the same round of another program: both saw the same noise. */
export function ratios(samples: Samples, base: Samples): Samples {
  return samples.map((sample, round) => sample / (base[round] ?? NaN));
}

/** `median (least–most)` */
export function spread(samples: Samples, digits = 0): string {
  const [middle, least, most] = [median(samples), Math.min(...samples), Math.max(...samples)]
    .map((value) => value.toFixed(digits));
  return `${middle} (${least}–${most})`;
}

/** A table with its columns aligned, so that it reads well on a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(...[head, ...rows].map((row) => (row[i] ?? title).length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, i) => i ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)).join(
        " | ",
      )
    } |`;
  const rule = `|${widths.map((width, i) => "-".repeat(width + 1) + (i ? ":" : "-")).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
