/**
 * How much a test tries: less when `NFQUEUE_QUICK` is set, by `scripts/test --quick` and `--pure`.
 *
 * @module
 */

import process from "node:process";

/** Whether the run is to be quick. */
export const isQuick: boolean = process.env["NFQUEUE_QUICK"] === "1";

/** How often a property is tried: as often as this, or a tenth of it in a quick run. */
export function runs(full: number): number {
  return isQuick ? Math.ceil(full / 10) : full;
}
