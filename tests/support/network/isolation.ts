/**
 * Guards the machine: nothing here adds a firewall rule outside a network namespace of its own.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";

/**
 * Fails the whole file unless it runs in a private network namespace. A hard failure, not a skip:
 * a suite that silently tests nothing is worse than one that does not start.
 */
export function requireIsolation(): void {
  if (process.env["NFQUEUE_ISOLATED"] !== "1") {
    throw new Error(
      "these tests add firewall rules: run through scripts/isolate or scripts/test, " +
        "which give them a network namespace of their own",
    );
  }
}

/** True when another user's id can be taken on: real root, not a user namespace of one user. */
export function mayChangeUser(): boolean {
  return process.getuid?.() === 0 && (idMap("uid")[2] ?? 0) > 65534;
}

/**
 * This process's user or group id as the kernel reports it on a packet: outside the user namespace
 * that an ordinary user's tests run in.
 */
export function outerId(kind: "uid" | "gid"): number {
  const [inner = 0, outer = 0] = idMap(kind);
  const own = kind === "uid" ? process.getuid?.() : process.getgid?.();
  return (own ?? 0) - inner + outer;
}

/** First id inside, first id outside, how many. */
function idMap(kind: "uid" | "gid"): number[] {
  return readFileSync(`/proc/self/${kind}_map`, "utf8").trim().split(/\s+/).map(Number);
}
