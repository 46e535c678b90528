// Numbers for people: four characters or so, whatever their size.

const UNITS = ["", "k", "M", "G", "T"] as const;

/** `0`, `12`, `0.5`, `1.2k`, `340k`. */
export function shortNumber(value: number): string {
  let unit = 0;
  let rest = value;
  // What would be rounded up to four digits is of the next unit.
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = rest < 9.95 && !Number.isInteger(rest) ? rest.toFixed(1) : `${Math.round(rest)}`;
  return `${digits.replace(/\.0$/, "")}${UNITS[unit]}`;
}
