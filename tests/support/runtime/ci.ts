/**
 * Whether this is the run that decides about a merge, where nothing may be left out unseen.
 *
 * @module
 */

import process from "node:process";

/** True where `CI` or `NFQUEUE_CI` is set to anything but 0 and false. */
export const inCi: boolean = ["CI", "NFQUEUE_CI"].some((name) =>
  !["", "0", "false"].includes(process.env[name] ?? "")
);
