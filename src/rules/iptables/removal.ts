// Takes away chains of ours that are there, whatever somebody else has deleted of them meanwhile.
import { ERRNO, SystemError } from "../../linux/errno.ts";
import type { Version } from "./plan.ts";
import { restoreTables, saveTables } from "./programs.ts";
import { readSaved, type SavedTable, takeAwayLines } from "./saved.ts";

/** Whoever presses Ctrl-C twice ends the programs of iptables too, which stand in the same terminal. */
const TRIES = 10;

/** What is to go. */
export interface TakenAway {
  readonly isOurs: (chain: string) => boolean;
  /** The chains stay, with their counters; no packet comes to them any more. */
  readonly keepChains: boolean;
}

/**
 * Takes it away from every table of a version.
 *
 * @returns where something was
 * @throws {SystemError}
 */
export function takeAway(version: Version, what: TakenAway): readonly SavedTable[] {
  for (let tries = 1;; tries++) {
    try {
      return tryToTakeAway(version, what);
    } catch (error) {
      const again = error instanceof SystemError && error.errno === ERRNO.EINTR && tries < TRIES;
      if (!again) throw error;
    }
  }
}

function tryToTakeAway(
  version: Version,
  { isOurs, keepChains }: TakenAway,
): readonly SavedTable[] {
  const tables = readSaved(saveTables(version), isOurs)
    .filter(({ chains }) => chains.length > 0);
  restoreTables(
    version,
    tables.map((saved) => ({
      table: saved.table,
      lines: takeAwayLines(saved, { keepChains }).map((text) => ({ text })),
    })),
  );
  return tables;
}
