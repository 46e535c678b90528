/**
 * Colours where a person looks, plain text everywhere else.
 *
 * @module
 */

import process from "node:process";

/** SGR codes (ECMA-48 §8.3.117). */
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

const coloured = process.stdout.isTTY === true && !process.env["NO_COLOR"];

/** The text in a style, on a terminal that wants colours (https://no-color.org). */
export function paint(style: Style, text: string): string {
  return coloured ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;
}

/** A filter's line: the verdict that it begins with, and the notes that end it, stand out. */
export function paintLine(line: string): string {
  const [, verdict, middle, notes] = /^(\w+)(.*?)( {2}\(.*\))?$/.exec(line) ?? [];
  if (verdict === undefined || middle === undefined) return line;
  const style = verdict === "accept" ? "green" : verdict === "drop" ? "red" : "yellow";
  return paint(style, verdict) + middle + paint("cyan", notes ?? "");
}

/** Columns as wide as their widest cell, but for the last. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number): number =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0));
  return rows.map((cells) =>
    cells.map((cell, column) => column < cells.length - 1 ? cell.padEnd(width(column)) : cell)
      .join("  ")
  );
}
