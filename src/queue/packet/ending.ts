/**
 * How a packet left the program's hands.
 *
 * @module
 */

import { verdictName } from "./verdict.ts";

/** Why the queue decided instead of the handler. */
export type UndecidedCause =
  /** The handler, or one turn of `for await`, ended without a verdict. */
  | "handler"
  /** The handler threw or rejected. */
  | "error"
  /** `deadline` passed. */
  | "deadline"
  /** The queue was closed. */
  | "close"
  /** The kernel's message did not fit its slot, so the packet could not be shown. */
  | "cut";

/** The program gave the verdict, or the queue did, and why. */
export type Ending = "given" | UndecidedCause;

const ENDINGS: Readonly<Record<Ending, string>> = {
  given: "already has its verdict",
  handler:
    "was left undecided by its handler (hold() keeps it for later, as does a promise), so the " +
    "queue gave it the verdict",
  error: "its handler failed, so the queue gave it the verdict",
  deadline: "its deadline passed, so the queue gave it the verdict",
  close: "the queue was closed, which gave it the verdict",
  cut: "did not fit the receive memory, so the queue gave it the verdict",
};

/** Why a second verdict is refused. */
export function describeEnding(ending: Ending, verdict: number | undefined): string {
  return `${ENDINGS[ending]} ${verdictName(verdict)}`;
}
