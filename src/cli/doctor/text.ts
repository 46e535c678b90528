// Findings as a person reads them: what needs something done comes last, where the eye is.
import { visible } from "../words/point.ts";
import { count, type Finding, SEVERITIES, type Severity } from "./terms/finding.ts";

/** What a group is called, and its colour (SGR). */
const GROUPS: Readonly<Record<Severity, { readonly title: string; readonly color: number }>> = {
  ok: { title: "In order", color: 32 },
  note: { title: "To know", color: 36 },
  warning: { title: "Warnings", color: 33 },
  error: { title: "Errors", color: 31 },
};
const BOLD = 1;
const DIM = 2;

/** The whole text. */
export function findingsText(
  findings: readonly Finding[],
  { colors }: { readonly colors: boolean },
): string {
  const paint = (text: string, ...codes: number[]) =>
    colors ? `\x1b[${codes.join(";")}m${text}\x1b[0m` : text;
  const lines: string[] = [];
  for (const severity of SEVERITIES) {
    const group = findings.filter((finding) => finding.severity === severity);
    if (group.length === 0) continue;
    const { title, color } = GROUPS[severity];
    lines.push(paint(title, BOLD, color));
    for (const { code, message, advice } of group) {
      lines.push(`  ${paint(code, color)}: ${indented(message)}`);
      if (advice !== undefined) lines.push(paint(`    → ${indented(advice)}`, DIM));
    }
    lines.push("");
  }
  return `${lines.join("\n")}\n${conclusion(findings)}\n`;
}

/** Further lines of a text go below its first. Programs, devices and chains may have any name. */
const indented = (text: string): string => visible(text).replaceAll("\n", "\n      ");

function conclusion(findings: readonly Finding[]): string {
  const number = (severity: Severity) =>
    findings.filter((finding) => finding.severity === severity).length;
  const warnings = number("warning") === 0 ? "" : `, with ${count(number("warning"), "warning")}`;
  return number("error") === 0
    ? `A filter runs here${warnings}.`
    : `Not well: ${count(number("error"), "error")}${warnings}.`;
}
