// Numbers as a row of small bars.

const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** The last numbers that fit into so many columns; the highest of them is a full bar. */
export function sparkLine(values: readonly number[], columns: number): string {
  const shown = columns > 0 ? values.slice(-columns) : [];
  const most = Math.max(0, ...shown);
  return shown.map((value) => {
    const level = most === 0 ? 0 : Math.ceil((value / most) * (BARS.length - 1));
    return BARS[Math.max(0, Math.min(BARS.length - 1, level))];
  }).join("");
}
