// What doctor says.

/** From good to bad. `"ok"` and `"note"` ask for nothing. */
export const SEVERITIES = ["ok", "note", "warning", "error"] as const;

/** How much a finding matters. With an error no filter would run, or packets are being lost. */
export type Severity = (typeof SEVERITIES)[number];

/** One finding. */
export interface Finding {
  /** Stable: programs may look for it. */
  readonly code: string;
  readonly severity: Severity;
  /** What is so: a sentence or two. */
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** A finding that asks for nothing. */
export const ok = (code: string, message: string): Finding => ({ code, severity: "ok", message });

const about =
  (severity: Severity) => (code: string, message: string, advice?: string): Finding => ({
    ...{ code, severity, message },
    ...(advice === undefined ? {} : { advice }),
  });

/** Something to know. */
export const note: ReturnType<typeof about> = about("note");
/** A filter runs, and something will be unlike what a person expects. */
export const warning: ReturnType<typeof about> = about("warning");
/** No filter would run, or packets are being lost. */
export const error: ReturnType<typeof about> = about("error");

/** `1 packet`, `2 packets`. */
export function count(number: number, what: string): string {
  return `${number.toLocaleString("en-US")} ${what}${number === 1 ? "" : "s"}`;
}
